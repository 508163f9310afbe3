"""`triage up`: starts what is missing, in parallel where nothing waits for anything, until every part is healthy."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from apps.console.runtime import process
from apps.console.runtime.environment import haproxy_folder, scratch_folder
from apps.console.runtime.lock import exclusive
from apps.console.runtime.part import Part
from apps.console.runtime.parts import plan
from apps.console.runtime.ports import Ports, choose_ports, is_free, recall, remember
from apps.serving.ingress import IngressPorts, ray_environment
from libs.common.config.configuration import Config
from libs.common.config.home import REPO, Home
from libs.common.config.platform import Platform
from libs.common.errors import StoreError

Tell = Callable[[str], None]
_POLL_S = 0.2
_HUNG_AFTER_S = 20
_LOG_LINES = 15


def bring_up(home: Home, config: Config, tell: Tell) -> tuple[Part, ...]:
    """Have every part healthy and return the parts; StoreError names the one that is not, with the end of its log.

    The records database is brought to the newest schema meanwhile.
    """
    platform, env = config.platform, config.environment
    for folder in (home.run, home.logs, home.prefect):
        folder.mkdir(parents=True, exist_ok=True)
    with exclusive(home):
        ports = _ports(home, platform)
        (home.run / "environment").write_text(env)
        _prepare_scratch(scratch_folder(home))
        parts = plan(home, ports, platform, env, _ingress(home, ports, config))
        with ThreadPoolExecutor(1, thread_name_prefix="migrate") as pool:
            raise_parts(parts, home, tell, {"records": pool.submit(_migrate, config.addresses(home).records)})
        return parts


def raise_parts(parts: Sequence[Part], home: Home, tell: Tell, under_way: Mapping[str, Future[None]] | None = None) -> None:
    """Bring up ``parts``, each as soon as the parts, or the other work ``under_way``, that it needs are done."""
    raised = dict(under_way or {})
    with ThreadPoolExecutor(len(parts), thread_name_prefix="up") as pool:
        for part in parts:
            raised[part.name] = pool.submit(_raise, part, [raised[name] for name in part.needs], home, tell)
    faults = [fault for future in raised.values() if isinstance(fault := future.exception(), StoreError)]
    if faults:
        raise StoreError("\n".join(dict.fromkeys(fault.message for fault in faults)), faults[0].hint)
    for future in raised.values():
        future.result()


def await_healthy(part: Part, patience_s: float, ended: Callable[[], bool]) -> str | None:
    """Poll until the part is healthy (None), or its process has ended, or ``patience_s`` is over (what is wrong)."""
    deadline = time.monotonic() + patience_s
    while fault := part.check():
        if ended():
            return f"{part.name} ended before it was healthy"
        if time.monotonic() >= deadline:
            return f"{part.name} is not healthy after {patience_s:g} s: {fault}"
        time.sleep(_POLL_S)
    return None


def _ingress(home: Home, ports: Ports, config: Config) -> dict[str, str]:
    listeners = IngressPorts(ports.haproxy_metrics, ports.haproxy_stats, ports.serve_fallback)
    ray, longest_wait = config.platform.ray, config.model_serving.replica.longest_wait
    return ray_environment(haproxy_folder(home), ray.haproxy, ray.throughput_optimized, longest_wait, listeners)


def _raise(part: Part, needs: Sequence[Future[None]], home: Home, tell: Tell) -> None:
    for need in needs:
        need.result()
    began = time.monotonic()
    if part.deploys:
        _deploy(part, home, tell, began)
    elif _is_up(part, home):
        tell(f"{part.name}: runs already")
    else:
        running = process.find(part.name, home.run)
        if running is not None:
            process.end(running)
        tell(f"{part.name}: starting")
        _conclude(part, home, _start(part, home))
        tell(f"{part.name}: up after {time.monotonic() - began:.1f} s")


def _start(part: Part, home: Home) -> str | None:
    fault = None
    for _ in range(part.attempts):
        running = process.start(part, home)
        fault = await_healthy(part, part.deadline_s, lambda running=running: not running.alive)
        if fault is None or running.alive:
            break
        process.end(running)
    return fault


def _is_up(part: Part, home: Home) -> bool:
    """Whether the part runs with these addresses and is healthy, or becomes so shortly: one that hangs is replaced."""
    running = process.find(part.name, home.run)
    if running is None or not running.alive or running.fingerprint != process.fingerprint(part):
        return False
    return await_healthy(part, _HUNG_AFTER_S, lambda: not running.alive) is None


def _deploy(part: Part, home: Home, tell: Tell, began: float) -> None:
    if part.check() is None:
        tell(f"{part.name}: runs already")
        return
    tell(f"{part.name}: deploying")
    with (home.logs / f"{part.name}.log").open("ab") as log:
        try:
            done = subprocess.run(
                part.argv,
                cwd=REPO,
                env=os.environ | dict(part.variables),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                timeout=part.deadline_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            _conclude(part, home, f"{part.name} was not deployed within {part.deadline_s:g} s")
            return
    _conclude(part, home, f"{part.name} could not be deployed (exit status {done.returncode})" if done.returncode else None)
    _conclude(part, home, await_healthy(part, part.deadline_s, lambda: False))
    tell(f"{part.name}: up after {time.monotonic() - began:.1f} s")


def _conclude(part: Part, home: Home, fault: str | None) -> None:
    if fault is None:
        return
    log = home.logs / f"{part.name}.log"
    raise StoreError(f"{fault}; the end of its log:\n{_tail(log)}", f"the whole log is {log}; then run `triage up` again")


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()[-_LOG_LINES:] if log.exists() else []
    return "\n".join(f"    {line}" for line in lines) or "    (empty)"


def _migrate(records_url: str) -> None:
    from libs.common.stores.records import migrate

    migrate(records_url)


def _ports(home: Home, platform: Platform) -> Ports:
    remembered = recall(home.run / "ports.json")
    configured = {
        "http": platform.http.port,
        "prefect": platform.prefect.port,
        "ray": platform.ray.port,
        "ray_dashboard": platform.ray.dashboard_port,
    }
    ports = choose_ports(home.root, configured, remembered, _held(home), is_free)
    remember(home.run / "ports.json", ports)
    return ports


def _held(home: Home) -> frozenset[int]:
    """The ports at which our own processes listen: those of parts that were killed may still be held by what is left."""
    held: set[int] = set()
    for name in ("ray", "prefect"):
        running = process.find(name, home.run)
        for member in process.members(running) if running else ():
            held |= process.listening(member)
    return frozenset(held)


def _prepare_scratch(folder: Path) -> None:
    """A private folder for Ray's sockets, without the sessions of earlier starts but the last."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise StoreError(f"{folder} belongs to somebody else", "remove it, or choose another TRIAGE_HOME")

    sessions = sorted(path for path in folder.glob("session_2*") if path.is_dir())
    for session in sessions[:-1]:
        shutil.rmtree(session)
