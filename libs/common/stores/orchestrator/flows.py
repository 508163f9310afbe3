"""Starts flows by name. Speaks Prefect's REST API: no Prefect import, so apps and threads may use it freely."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from libs.common.domain.value import Value
from libs.common.errors import StoreError
from libs.common.http_calls import http

_IN_FLIGHT = ("SCHEDULED", "PENDING", "RUNNING", "PAUSED", "CANCELLING")
_NOT_FOUND, _BUSY = 404, 503
_BUSY_PATIENCE_S = 15
_HINT = "is the Prefect server up? run `triage up`"
_TIMEOUT = httpx.Timeout(30, connect=5)


class FlowRun(Value):
    """One run of a flow, as the server knows it; times in ISO 8601, None where it has not begun or not ended."""

    id: str
    state: str
    message: str
    parameters: dict[str, Any]
    started: str | None
    ended: str | None


@dataclass(frozen=True, slots=True)
class Orchestrator:
    """A Prefect server whose deployments are named ``<flow>/<flow>``; every method raises StoreError when it is away."""

    api_url: str

    def start_flow(self, name: str, parameters: Mapping[str, Any], idempotency_key: str | None = None) -> str:
        """Start the flow ``name`` now and return its run id; a known ``idempotency_key`` returns the run it started before."""
        deployment = self._call("GET", f"/deployments/name/{name}/{name}", missing=f"flow '{name}' is not served")
        request = {
            "parameters": dict(parameters),
            "state": {"type": "SCHEDULED", "message": "started by triage"},
            "idempotency_key": idempotency_key,
        }
        return str(self._call("POST", f"/deployments/{deployment['id']}/create_flow_run", request)["id"])

    def state(self, flow_run_id: str) -> str:
        """SCHEDULED, PENDING, RUNNING, SUSPENDED, PAUSED, COMPLETED, FAILED, CRASHED, CANCELLING, CANCELLED or MISSING."""
        runs = self._runs({"id": {"any_": [flow_run_id]}})
        return _state_of(runs[0]) if runs else "MISSING"

    def message(self, flow_run_id: str) -> str:
        """The message of the run's present state: what it returned, or why it failed."""
        runs = self._runs({"id": {"any_": [flow_run_id]}})
        return str(runs[0]["state"]["message"] or "") if runs else ""

    def resume(self, flow_run_id: str) -> bool:
        """Have a suspended flow run rerun from its start; False where it is not suspended (any more)."""
        result = self._call("POST", f"/flow_runs/{flow_run_id}/resume", {}, missing=f"no flow run {flow_run_id}")
        return result["status"] == "ACCEPT"

    def cancel(self, flow_run_id: str) -> bool:
        """Ask for the end of a flow run: the process is ended if there is one; False where the run is final already."""
        current = self.state(flow_run_id)
        if current not in (*_IN_FLIGHT, "SUSPENDED"):
            return False
        state = "CANCELLING" if current in ("PENDING", "RUNNING", "CANCELLING") else "CANCELLED"
        self._set_state(flow_run_id, state, "cancelled by triage")
        return True

    def active(self, name: str, **parameters: str) -> list[str]:
        """Ids of the runs of flow ``name`` with these parameters that are neither final nor merely planned, oldest first."""
        runs = self._runs({"state": {"type": {"any_": list(_IN_FLIGHT)}}}, {"name": {"any_": [name]}})
        begun = [run for run in runs if not (run["auto_scheduled"] and run["state_type"] == "SCHEDULED")]
        return [run["id"] for run in begun if parameters.items() <= run["parameters"].items()]

    def runs_of(self, name: str, limit: int) -> list[FlowRun]:
        """The newest runs of flow ``name``, newest first."""
        request = {"flows": {"name": {"any_": [name]}}, "sort": "EXPECTED_START_TIME_DESC", "limit": limit}
        return [_flow_run(found) for found in self._call("POST", "/flow_runs/filter", request)]

    def run_of(self, name: str, run_id: str) -> FlowRun | None:
        """One run of flow ``name``; None where it has no such run."""
        found = self._runs({"id": {"any_": [run_id]}}, {"name": {"any_": [name]}})
        return _flow_run(found[0]) if found else None

    def recover(self, names: Iterable[str]) -> list[str]:
        """Settle what a killed flow process left behind, before another one serves; returns the ids of the crashed runs.

        Runs that had begun become CRASHED, runs that had not are scheduled again; suspended runs need nothing.
        """
        flows = {"name": {"any_": list(names)}}
        begun = self._runs({"state": {"type": {"any_": ["RUNNING"]}}}, flows)
        for run in begun:
            self._set_state(run["id"], "CRASHED", "the process that served the flows ended during this run")
        for run in self._runs({"state": {"type": {"any_": ["PENDING"]}}}, flows):
            self._set_state(run["id"], "SCHEDULED", "scheduled again: the process that served the flows had ended")
        for run in self._runs({"state": {"type": {"any_": ["CANCELLING"]}}}, flows):
            self._set_state(run["id"], "CANCELLED", "the process that served the flows ended during this run")
        return [run["id"] for run in begun]

    def logs(self, flow_run_id: str) -> list[str]:
        """What the flow run logged, oldest first."""
        found = self._call("POST", "/logs/filter", {"logs": {"flow_run_id": {"any_": [flow_run_id]}}, "sort": "TIMESTAMP_ASC"})
        return [line["message"] for line in found]

    def tell_progress(self, flow_run_id: str, percent: float, said: str) -> None:
        """Show on the page of the flow run how far it is: 0…100, and in words."""
        shown = {"data": percent, "description": said}
        if there := self._shown_progress(flow_run_id):
            self._call("PATCH", f"/artifacts/{there[0]['id']}", shown)
        else:
            self._call("POST", "/artifacts/", {**shown, "type": "progress", "flow_run_id": flow_run_id})

    def progress(self, flow_run_id: str) -> tuple[float, str] | None:
        """What was told last: per cent and words; None where nothing was."""
        there = self._shown_progress(flow_run_id)
        return (float(there[0]["data"]), str(there[0]["description"])) if there else None

    def served(self) -> set[str]:
        """Names of the flows that have a deployment."""
        return {deployment["name"] for deployment in self._call("POST", "/deployments/filter", {})}

    def healthy(self) -> bool:
        """Whether the server answers."""
        try:
            return self._call("GET", "/health") is True
        except StoreError:
            return False

    def _runs(self, runs: Mapping[str, Any], flows: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        request = {"flow_runs": runs, "flows": flows, "sort": "EXPECTED_START_TIME_ASC"}
        return self._call("POST", "/flow_runs/filter", request)

    def _shown_progress(self, flow_run_id: str) -> list[dict[str, Any]]:
        chosen = {"flow_run_id": {"any_": [flow_run_id]}, "type": {"any_": ["progress"]}}
        return self._call("POST", "/artifacts/filter", {"artifacts": chosen})

    def _set_state(self, flow_run_id: str, state: str, message: str) -> None:
        request = {"state": {"type": state, "message": message}, "force": True}
        self._call("POST", f"/flow_runs/{flow_run_id}/set_state", request)

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None, missing: str = "") -> Any:
        if not self.api_url:
            raise StoreError(
                "PREFECT_API_URL is not set, so flows cannot be started", "run `triage up`, or export PREFECT_API_URL"
            )
        answer = self._send(method, path, body)
        if answer.status_code == _NOT_FOUND and missing:
            raise StoreError(f"{missing} at {self.api_url}", "is the flow process up? run `triage status`")
        if answer.is_error:
            raise StoreError(f"the Prefect server refused {method} {path}: {answer.status_code} {answer.text[:200]}", _HINT)
        return answer.json() if answer.content else None

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None) -> httpx.Response:
        """The answer; a server whose database is locked for the moment (503, nothing done) is asked again."""
        deadline = time.monotonic() + _BUSY_PATIENCE_S
        while True:
            try:
                answer = http().request(method, self.api_url.rstrip("/") + path, json=body, timeout=_TIMEOUT)
            except httpx.HTTPError as error:
                raise StoreError(f"the Prefect server at {self.api_url} does not answer ({error})", _HINT) from error
            if answer.status_code != _BUSY or time.monotonic() >= deadline:
                return answer
            time.sleep(0.2)


def _state_of(run: Mapping[str, Any]) -> str:
    return "SUSPENDED" if run["state_name"] == "Suspended" else str(run["state_type"])


def _flow_run(run: Mapping[str, Any]) -> FlowRun:
    message = str((run["state"] or {}).get("message") or "")
    times = {"started": run["start_time"], "ended": run["end_time"]}
    return FlowRun(id=run["id"], state=_state_of(run), message=message, parameters=run["parameters"], **times)
