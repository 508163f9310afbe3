"""Ray, and Serve behind its ingress on it, which the modules of a session share as long as they ask for the same."""

import atexit
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from apps.serving.ingress import free_ports, ray_environment
from libs.common.stores.orchestrator import start_serve


class SharedServe:
    """The one of this process: Ray is one a process too."""

    def __init__(self) -> None:
        self._longest_wait: timedelta | None = None
        self._port = 0
        self._ray = ""
        self._patch = pytest.MonkeyPatch()

    def join(self, longest_wait: timedelta) -> int:
        """The port of a Serve that stands, or is started, behind an ingress that lets nobody wait longer."""
        if self._longest_wait != longest_wait or self._ray != _address():
            self.leave()
            self._start(longest_wait)
        return self._port

    def leave(self) -> None:
        """End it, or whatever else another module has left; afterwards the environment is as it was."""
        import ray
        from ray import serve

        if self._longest_wait and self._ray == _address():
            serve.shutdown()
        ray.shutdown()
        if self._longest_wait:
            self._patch.undo()
            shutil.rmtree(self._folder, ignore_errors=True)
        self._longest_wait = None

    @property
    def _folder(self) -> Path:
        return Path("/tmp") / f"triage-serving-{self._port}"  # short: a Unix socket's path holds 107 characters

    def _start(self, longest_wait: timedelta) -> None:
        import ray

        (self._port,) = free_ports(1)
        for name, value in ray_environment(self._folder, True, True, longest_wait).items():
            self._patch.setenv(name, value)
        self._longest_wait = longest_wait
        ray.init(address="local", include_dashboard=False, num_cpus=4, log_to_driver=False, logging_level="error")
        self._ray = _address()
        start_serve("127.0.0.1", self._port)


def _address() -> str:
    """That of the Ray which this process has joined; empty without one."""
    import ray

    return str(ray.get_runtime_context().gcs_address) if ray.is_initialized() else ""


shared_serve = SharedServe()
atexit.register(shared_serve.leave)
