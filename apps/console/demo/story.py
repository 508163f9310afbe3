"""The story as a table of contents, and how it is told: every step is shown, and the first that fails ends it."""

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from apps.console.demo import steps
from apps.console.demo.account import Account, chapters
from apps.console.demo.checks import Check, check, kept
from apps.console.demo.context import Demo
from apps.console.demo.demo_home import fresh_home
from apps.console.demo.gather import gather
from apps.console.demo.load_records import LoadCounts
from apps.console.demo.report import write_report
from apps.console.demo.webhook import AlertReceiver
from libs.common.errors import TriageError

ENVIRONMENT = "demo"
_WEBHOOK = "TRIAGE_ALERT_WEBHOOK"
# The caller's own platform, if there is one, must not be taken for the demo's.
_FOREIGN = ("PREFECT_API_URL", "RAY_ADDRESS", "RAY_API_SERVER_ADDRESS", "TRIAGE_TOKEN")


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what it is called, and what does it."""

    title: str
    run: Callable[[Demo], str]


STORY = (
    Step("Start the platform", steps.start_platform),
    Step("Add the people", steps.add_people),
    Step("Prepare the e-mails to send", steps.prepare_mail),
    Step("Build dataset v1", steps.build_dataset),
    Step("Train both families", steps.train_families),
    Step("Promote the better one", steps.promote_champion),
    Step("Release it", steps.release_champion),
    Step("Ask why an e-mail got its label", steps.explain_an_answer),
    Step("Send traffic", steps.begin_load),
    Step("Train a worse model on mistaken labels", steps.mislabel_and_train),
    Step("Promote it, and give it some traffic", steps.promote_worse),
    Step("Send a mailbox to be triaged whole", steps.order_mailbox),
    Step("See it rolled back by itself", steps.see_it_rolled_back),
    Step("Drift the traffic", steps.drift_traffic),
    Step("Await the drift alert", steps.await_alert),
    Step("Fetch the triaged mailbox", steps.fetch_mailbox),
    Step("Await the retraining that it starts", steps.await_retraining),
    Step("Approve the retrained model", steps.approve_retrained),
    Step("Release it through the canary", steps.release_retrained),
    Step("Watch accuracy recover", steps.watch_recovery),
)


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for."""

    source: str
    recipe: str | None
    report: Path
    keep: bool


def run_demo(options: Options, console: Console) -> bool:
    """Tell the whole story; False where a step failed or a promise was broken."""
    home = fresh_home()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # so that what was started is ended, too
    for name in _FOREIGN:
        os.environ.pop(name, None)
    with AlertReceiver() as receiver, ThreadPoolExecutor(1, thread_name_prefix="report") as pool:
        os.environ |= {"TRIAGE_HOME": str(home.root), "TRIAGE_ENV": ENVIRONMENT, _WEBHOOK: receiver.url}
        demo = Demo(home, options.source, options.recipe, receiver, tell=lambda text: None)
        try:
            told = tell(STORY, demo, console)
            account, checks, ended = _account(demo, console)
            # Drawn while the platform ends, which is mostly waiting.
            report = pool.submit(write_report, options.report, account, checks, ended)
        finally:
            _end(demo, options, console)
    _conclude(account, checks, ended, console)
    console.print(f"\nReport: {report.result().resolve()}", soft_wrap=True)
    return told and kept(checks)


def tell(story: Sequence[Step], demo: Demo, console: Console) -> bool:
    """Run the steps in order, each shown while it runs and with its outcome; False at the first that fails."""
    for number, step in enumerate(story, 1):
        title, began = f"{number:2}/{len(story)} {step.title}", time.monotonic()
        if not console.is_terminal:
            console.print(f"{_clock(demo)}  … {title}", highlight=False)
        try:
            with console.status(title) as status:
                demo.tell = _teller(status.update, title)
                outcome = step.run(demo)
        except TriageError as error:
            console.print(f"{_clock(demo)}  [red]✗ {title}[/]\n{escape(str(error))}", highlight=False, soft_wrap=True)
            return False
        took = time.monotonic() - began
        console.print(
            f"{_clock(demo)}  [green]✓[/] {title} [dim]({took:.1f} s)[/]\n            {escape(outcome)}", highlight=False
        )
    return True


def _teller(update: Callable[[str], None], title: str) -> Callable[[str], None]:
    return lambda text: update(f"{title} [dim]{escape(text)}[/]")


def _account(demo: Demo, console: Console) -> tuple[Account, list[Check], datetime]:
    """End the traffic and look at what is there; the story may have ended anywhere."""
    with console.status("Counting") as status:
        demo.tell = _teller(status.update, "Counting")
        counts = demo.running.end() if demo.running else LoadCounts()
        account = gather(demo, counts)
    return account, check(account), demo.now()


def _end(demo: Demo, options: Options, console: Console) -> None:
    from apps.console.runtime.down import bring_down

    if demo.running is not None and demo.running.running:
        demo.running.end()
    if options.keep and demo.opened is not None:
        console.print(f"\nLeft running: {demo.url}; Prefect {os.environ.get('PREFECT_API_URL', '')}", soft_wrap=True)
        console.print(f"  TRIAGE_HOME={demo.home.root} triage status · … down", soft_wrap=True)
        return
    with console.status("Ending the platform"):
        bring_down(demo.home)


def _conclude(account: Account, checks: Sequence[Check], ended: datetime, console: Console) -> None:
    happened = Table("after", "what happened", "version", "accuracy (labels)", "traffic", "failed", title="What happened")
    for chapter in chapters(account, ended):
        share, traffic = chapter.traffic.accuracy(), chapter.traffic.traffic()
        happened.add_row(
            f"{account.chronicle.seconds(chapter.moment.at):.0f} s",
            chapter.moment.title,
            chapter.moment.version,
            f"{share.value:.3f} [dim]{share.interval.low:.3f}–{share.interval.high:.3f}[/] ({share.count})"
            if share.count
            else "",
            ", ".join(f"v{version} {part:.0%}" for version, part in traffic.items()),
            str(chapter.traffic.failed),
        )
    promises = Table("", "promise", "found", title="What was promised, and what was found")
    for each in checks:
        promises.add_row("[green]✓[/]" if each.ok else "[red]✗[/]", each.name, escape(each.detail))
    console.print("", happened, "", promises)


def _clock(demo: Demo) -> str:
    return f"[dim]{demo.chronicle.seconds(demo.now()):6.1f} s[/]"
