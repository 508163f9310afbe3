"""The steps of the story. Each does one thing as a user would, waits until it is so, and says in one line what came of it."""

import time
from collections.abc import Mapping

from apps.console.demo import lifecycle, service_calls
from apps.console.demo.account import CALM, DRIFTED, FRESH
from apps.console.demo.context import DATASET, MODEL, Demo
from apps.console.demo.load import LoadPlan
from apps.console.demo.load_process import LoadProcess
from apps.console.demo.load_records import Kind, SentRequest
from apps.console.demo.mail_stream import MailFolder
from apps.console.demo.mailbox import TriagedMailbox, mailbox_lines, numbered, read_answers, words_that_carried
from apps.console.demo.mailings import prepare
from apps.console.demo.waiting import until
from libs.common.domain.alert import AlertStatus
from libs.common.domain.model import ModelVersion, Stage
from libs.common.domain.promotion import Promotion
from libs.common.domain.rollout import RolloutPhase
from libs.common.domain.triage import LabelledEmail
from libs.common.errors import TriageError

# E-mails a second that two cores answer while they also train; the share of answers that people correct or confirm.
RATE, FEEDBACK_SHARE = 18.0, 0.8
_LONGEST_LOAD_S = 1_500.0
# Replicas follow the traffic row within half a second; requests that were under way may take a little longer.
_SETTLED_S = 2.0
# Enough that the versions differ visibly in the last figure.
_WATCHED_S = 12
_MISLABELLED = f"{DATASET}_mislabelled"
_MAILBOX_MAILS = 400


def start_platform(demo: Demo) -> str:
    """`triage up`."""
    from apps.console.runtime.discover import discover
    from apps.console.runtime.up import bring_up
    from apps.console.session import open_session
    from libs.common.config.loader import load_config

    bring_up(demo.home, load_config(), demo.tell)
    demo.opened = open_session()
    demo.url = discover(demo.home).http_url or ""
    return f"Ray, Prefect, flows, serving and monitoring are healthy; {demo.url}"


def add_people(demo: Demo) -> str:
    """`triage principal add`, three times."""
    demo.tokens = {name: lifecycle.add_principal(demo, name, role) for name, role in lifecycle.ROLES.items()}
    return "Erin trains, Ada approves for staging, Omar owns the mailbox and approves for production"


def prepare_mail(demo: Demo) -> str:
    """Write what is to be sent; nothing of it is trained on before people have labelled it."""
    demo.mailing = prepare(demo.source, demo.recipe, demo.folder / "mails")
    return ", ".join(f"{count:,} {part}" for part, count in demo.mailing.parts.items()) + " e-mails to send"


def build_dataset(demo: Demo) -> str:
    """`triage dataset build`."""
    run = lifecycle.start_build(demo, DATASET, {})
    demo.session.stores.registry.list(MODEL)  # makes the registry's tables, which takes seconds, while this step waits anyway
    version = lifecycle.await_build(demo, DATASET, run)
    demo.dataset = version.version
    return f"{version.tag}: {version.rows:,} e-mails, {len(version.classes)} classes, quality {version.quality.score:.2f}"


def train_families(demo: Demo) -> str:
    """`triage train`: both families on the same split; the dataset with the labelling mistake is built beside."""
    dataset = demo.session.stores.datasets.get(DATASET, demo.dataset)
    begun = lifecycle.start_training(demo, dataset, [])
    first, second = _swapped(dataset.classes)
    demo.mislabelling = lifecycle.start_build(demo, _MISLABELLED, {first: second, second: first})
    trained = lifecycle.await_training(demo, begun, 420)
    demo.champion = trained[0].version
    return "; ".join(_figures(model) for model in trained) + f"; the better one is v{demo.champion}"


def promote_champion(demo: Demo) -> str:
    """`triage promote`, then `triage evidence record` and `triage approve` by people."""
    lifecycle.ask_for_production(demo, demo.champion)
    lifecycle.approve_all(demo, demo.champion)
    return f"v{demo.champion}: development by its gates, staging by Ada, production by Omar"


def release_champion(demo: Demo) -> str:
    """The first release has no stable version to be compared with."""
    rollout = lifecycle.await_release(demo, demo.champion, 180)
    _require(rollout.phase is RolloutPhase.SUCCEEDED, f"the first release is {rollout.phase}: {rollout.reason}")
    demo.chronicle.note("first release", rollout.reason, demo.champion, rollout.finished_at)
    return f"v{demo.champion} answers"


def explain_an_answer(demo: Demo) -> str:
    """`POST /v1/classify?explain=true`."""
    mail = _calm(demo)[-1]
    answer = service_calls.explained(demo, mail.email)
    words = words_that_carried(answer["explanation"]["reasons"])
    _require(bool(words), f"the explanation of {mail.source} names no word for {answer['label']}")
    carried = ", ".join(f"“{word}” {weight:+.2f}" for word, weight in words.items())
    return f"{answer['label']} ({answer['confidence']:.2f}) because of {carried}"


def begin_load(demo: Demo) -> str:
    """From here on e-mails arrive, whatever happens."""
    plan = LoadPlan(demo.url, CALM, RATE, _LONGEST_LOAD_S, feedback_share=FEEDBACK_SHARE, feedback_delay_s=1.5)
    demo.running = LoadProcess(plan, demo.folder / "mails", demo.folder / "requests.jsonl")
    said = f"{RATE:g} e-mails a second, {FEEDBACK_SHARE:.0%} get feedback"
    demo.chronicle.note("load begins", said)

    def flowing() -> bool:
        requests = demo.load.requests()
        _require(demo.load.running, "the load has ended by itself")
        _require(
            not any(request.failed for request in requests),
            f"a request failed: {[r.problem for r in requests if r.failed][:1]}",
        )
        return len(requests) >= 50

    until("the first 50 answers", flowing, 60, "see requests.log in the demo's folder")
    return said


def mislabel_and_train(demo: Demo) -> str:
    """A labelling mistake that no gate can see, because the holdout carries it too."""
    first, second = _swapped(demo.session.stores.datasets.get(DATASET, demo.dataset).classes)
    version = lifecycle.await_build(demo, _MISLABELLED, demo.mislabelling)
    trained = lifecycle.await_training(demo, lifecycle.start_training(demo, version, ["tabular"]), 240)
    demo.worse = trained[0].version
    found = trained[0].classification.accuracy
    return f"{first} and {second} swapped; v{demo.worse} looks good on its own holdout: {found:.3f}"


def promote_worse(demo: Demo) -> str:
    """People are fooled as well: only live traffic can tell."""
    lifecycle.ask_for_production(demo, demo.worse)
    lifecycle.approve_all(demo, demo.worse)
    rollout = lifecycle.await_traffic(demo, demo.worse, 120)
    demo.chronicle.note("worse model canaried", "two labels swapped in its training data", demo.worse, rollout.step_started_at)
    return f"v{demo.worse} passed every gate and gets {rollout.weight:.0%} of the traffic"


def order_mailbox(demo: Demo) -> str:
    """`POST /v1/batch`, by the engineer: the job runs while the worse model is on trial."""
    mails = numbered(_calm(demo)[-_MAILBOX_MAILS:])
    batch = service_calls.order_batch(demo, mailbox_lines(mails), lifecycle.ENGINEER)
    demo.batch = batch.id
    demo.chronicle.note("mailbox sent", f"{len(mails)} e-mails, to be triaged as a Ray job", demo.champion, batch.created_at)
    return f"Erin sent {len(mails)} e-mails at once; batch {batch.id} is {batch.state}"


def see_it_rolled_back(demo: Demo) -> str:
    """Nobody does anything."""
    rollout = lifecycle.await_release(demo, demo.worse, 180)
    answers = sum(request.version == demo.worse for request in demo.load.requests())
    demo.chronicle.note("rolled back", rollout.reason, demo.worse, rollout.finished_at)
    _require(rollout.phase is RolloutPhase.ROLLED_BACK, f"the worse model's release is {rollout.phase}: {rollout.reason}")
    over = time.time() + _SETTLED_S
    later = until("e-mails after the rollback", lambda: [each for each in _answers(demo) if each.due_at > over] or None, 60)
    _require(all(each.version == demo.champion for each in later), f"v{demo.worse} still answers after the rollback")
    return f"{rollout.reason}, after {answers} answers"


def drift_traffic(demo: Demo) -> str:
    """Other words, senders, lengths and classes."""
    before = lifecycle.measured_since(demo, "accuracy", 30)
    demo.drifts_from = demo.now()
    demo.load.change(part=DRIFTED, feedback_share=0.95)
    demo.chronicle.note("traffic drifts", "other words, senders, lengths and classes")
    return f"monitored accuracy was {before:.3f}" if before is not None else "accuracy was not measured yet"


def await_alert(demo: Demo) -> str:
    """The webhook rings."""

    def rung() -> str | None:
        demo.tell(f"drift score {lifecycle.measured_since(demo, 'drift_score', 30)}")
        fired = [each for each in demo.receiver.alerts if each.rule == "data_drift_detected"]
        fired = [
            each for each in fired if each.status is AlertStatus.FIRING and demo.drifts_from and each.at >= demo.drifts_from
        ]
        if not fired:
            return None
        demo.chronicle.note("drift alert", f"{fired[0].condition}: {fired[0].value:.3f}", demo.champion, fired[0].at)
        return f"{fired[0].condition}, found {fired[0].value:.3f}; the webhook received it"

    return until("the drift alert", rung, 90, "see measurements in the demo's report")


def fetch_mailbox(demo: Demo) -> str:
    """`GET /v1/batch/{id}/result`; the retraining has begun by itself and waits for nobody."""
    batch = service_calls.await_batch(demo, demo.batch, lifecycle.ENGINEER, 180)
    quarantined, lines = service_calls.result_of(demo, batch.id, lifecycle.ENGINEER)
    ended = batch.ended_at or demo.now()
    sent = {mail.email.message_id: mail.label for mail in numbered(_calm(demo)[-_MAILBOX_MAILS:])}
    box = TriagedMailbox(sent, read_answers(lines), quarantined, (ended - batch.created_at).total_seconds())
    demo.mailbox = box
    versions = ", ".join(f"v{version}" for version in box.versions)
    said = f"{box.answered} of {len(box.sent)} e-mails triaged by {versions} in {box.seconds:.0f} s"
    demo.chronicle.note("mailbox triaged", said, batch.version, ended)
    return f"{said}, {box.right / len(box.sent):.1%} of them rightly"


def await_retraining(demo: Demo) -> str:
    """Started by the drift when enough labels of it have come; ends where a person must agree."""
    records = demo.session.stores.records
    begun = until("the start of the retraining", lambda: records.retrainings.latest(MODEL), 120)
    demo.chronicle.note("retraining begins", "; ".join(begun.reasons), at=begun.at)
    promotion = _await_new_promotion(demo)
    demo.retrained = promotion.version
    demo.load.change(part=FRESH)  # e-mails of the new kind that no dataset holds
    demo.chronicle.note("approval awaited", "the retrained model stops at staging", demo.retrained)
    return f"{'; '.join(begun.reasons)} → {_figures(demo.session.stores.registry.get(MODEL, demo.retrained))}"


def approve_retrained(demo: Demo) -> str:
    """Two people look at it."""
    lifecycle.approve_all(demo, demo.retrained)
    rollout = lifecycle.await_traffic(demo, demo.retrained, 120)
    demo.chronicle.note("retrained canaried", "5 % of the traffic first", demo.retrained, rollout.step_started_at)
    return f"v{demo.retrained}: staging by Ada, production by Omar"


def release_retrained(demo: Demo) -> str:
    """The canary, to its end."""
    rollout = lifecycle.await_release(demo, demo.retrained, 240)
    demo.chronicle.note("retrained released", rollout.reason, demo.retrained, rollout.finished_at)
    _require(rollout.phase is RolloutPhase.SUCCEEDED, f"the release is {rollout.phase}: {rollout.reason}")
    return f"v{demo.retrained} answers everything: {rollout.reason}"


def watch_recovery(demo: Demo) -> str:
    """Long enough that the new version's accuracy can be told."""
    released = demo.now()

    def since() -> list[SentRequest]:
        return [each for each in _answers(demo) if each.due_at > released.timestamp()]

    def enough() -> float | None:
        demo.tell(f"{len(since())} answers since the release")
        seconds = (demo.now() - released).total_seconds() - _SETTLED_S
        return lifecycle.measured_since(demo, "accuracy", seconds) if len(since()) >= _WATCHED_S * RATE else None

    monitored = until("a monitored accuracy of the retrained model", enough, 90)
    seen = since()
    share = sum(each.right for each in seen) / len(seen)
    return f"{share:.1%} of {len(seen)} answers since are right; monitored accuracy is {monitored:.3f}"


def _answers(demo: Demo) -> list[SentRequest]:
    return [each for each in demo.load.requests() if each.kind is Kind.CLASSIFY]


def _calm(demo: Demo) -> list[LabelledEmail]:
    return MailFolder(demo.folder / "mails").read(CALM)


def _swapped(classes: Mapping[str, int]) -> tuple[str, str]:
    """The two most frequent labels."""
    first, second = sorted(classes, key=lambda label: (-classes[label], label))[:2]
    return first, second


def _await_new_promotion(demo: Demo) -> Promotion:
    known = {demo.champion, demo.worse}
    stores = demo.session.stores

    def waiting() -> Promotion | None:
        run = stores.records.retrainings.latest(MODEL)
        state = lifecycle.tell_flow(demo, "retrain_model", run.flow_run_id) if run else "MISSING"
        _require(state not in ("FAILED", "CRASHED", "CANCELLED"), f"retrain_model {state.lower()}")
        asked = [each for each in stores.records.promotions.list(MODEL) if each.version not in known]
        lifecycle.require_not_refused(asked)
        return next((each for each in asked if each.stage is Stage.STAGING), None)

    return until("the retrained model's staging approval", waiting, 420)


def _figures(model: ModelVersion) -> str:
    found = model.classification
    return f"v{model.version} {model.family} {found.accuracy:.3f} (macro-F1 {found.f1_score:.3f})"


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise TriageError(otherwise, "see the logs folder of the demo's home, and the Prefect UI")
