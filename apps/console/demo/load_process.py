"""The load in a process of its own, so that nothing the story does delays a request; it ends when its input does."""

import asyncio
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from apps.console.demo.load import Load, LoadPlan
from apps.console.demo.load_records import LoadCounts, RequestFile, SentRequest, count
from apps.console.demo.mail_stream import MailFolder
from libs.common.config.home import REPO
from libs.common.errors import TriageError

_ENDS_WITHIN_S = 30.0


class LoadProcess:
    """A running load as the story holds it: change it, look at it, end it."""

    def __init__(self, plan: LoadPlan, mails: Path, records: Path) -> None:
        self._file = RequestFile(records)
        records.parent.mkdir(parents=True, exist_ok=True)
        self._log = records.with_suffix(".log")
        command = [sys.executable, "-m", "apps.console.demo.load_process", json.dumps(asdict(plan)), str(mails), str(records)]
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                command, cwd=REPO, stdin=subprocess.PIPE, stdout=log, stderr=log, text=True, start_new_session=True
            )

    def change(self, **changes: Any) -> None:
        """Go on with another ``part``, ``rate`` or ``feedback_share``; TriageError when the load has ended by itself."""
        try:
            self._say(changes)
        except OSError as error:
            raise TriageError("the load ended too early", f"see {self._log}") from error

    @property
    def running(self) -> bool:
        """Whether requests are still sent."""
        return self._process.poll() is None

    def requests(self) -> list[SentRequest]:
        """Every request that is over."""
        return self._file.requests()

    def end(self) -> LoadCounts:
        """Send nothing more, wait for the last replies, and count; TriageError when the process failed."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            self._process.stdin = None  # it ended by itself; its exit status says how
        try:
            status = self._process.wait(_ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        if status != 0:
            raise TriageError(f"the load ended with status {status}", f"see {self._log}")
        return count(self.requests())

    def _say(self, changes: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(changes) + "\n")
        self._process.stdin.flush()


async def serve_load(plan: LoadPlan, mails: Path, records: Path) -> None:
    """Run the load; lines of JSON on standard input change it, the end of the input ends it."""
    folder = MailFolder(mails)
    with records.open("a", buffering=1, encoding="utf-8") as out:
        load = Load(plan, folder.endless, lambda request: out.write(request.line()))
        listening = asyncio.create_task(_listen(load))
        await load.run()
        if listening.done():
            await listening  # what was asked for may have been nonsense
        listening.cancel()


async def _listen(load: Load) -> None:
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    try:
        while line := await lines.readline():
            load.change(**json.loads(line))
    finally:
        load.end()


def main() -> None:
    """``python -m apps.console.demo.load_process PLAN MAILS RECORDS``: the plan as JSON, then two paths."""
    plan, mails, records = sys.argv[1:]
    asyncio.run(serve_load(LoadPlan(**json.loads(plan)), Path(mails), Path(records)))


if __name__ == "__main__":
    main()
