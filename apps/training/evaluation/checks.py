"""What the product itself can show of a version before it is promoted: each check is evidence for one gate."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from apps.training.fitting.examples import Examples
from libs.common.domain.triage import Email
from libs.common.errors import ModelError
from libs.common.models.base import Classifier

# Rewritings that mean the same to a reader; more flips than this share of mails says that the model reads something else.
MAX_FLIPS = 0.05
# A candidate may be this much less accurate than the champion on the same mails before it counts as a regression.
MARGIN = 0.02
_Z95 = 1.96
_SAMPLE = 200
_COMPARABLE = 50
REGRESSION = "performance_regression_test"


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to one gate, in words a person can check."""

    gate: str
    passed: bool
    detail: str


NO_CHAMPION = Finding(REGRESSION, True, "there is no champion to compare with")

# They mean the same to a reader.
REWRITINGS: dict[str, Callable[[Email], Email]] = {
    "blank lines": lambda email: replace(email, body="\n\n" + email.body.replace("\n", "\n\n") + "\n\n"),
    "trailing spaces": lambda email: replace(email, body=email.body.replace("\n", "  \n"), subject=email.subject + "  "),
    "another message id": lambda email: replace(email, message_id="<other@example.org>", thread_id="<other@example.org>"),
    "other recipients": lambda email: replace(email, recipients=("somebody@example.org",)),
}


def check_behaviour(classifier: Classifier, emails: Sequence[Email]) -> Finding:
    """``unit_tests_pass``: probabilities are probabilities, alone or in a batch, and rewritings keep the label."""
    sample = list(emails[:_SAMPLE])
    faults = [*_fault_in_probabilities(classifier, sample), *_flips(classifier, sample)]
    detail = "; ".join(faults) or f"probabilities, batches and {len(REWRITINGS)} rewritings of {len(sample)} e-mails hold"
    return Finding("unit_tests_pass", not faults, detail)


def _fault_in_probabilities(classifier: Classifier, sample: list[Email]) -> list[str]:
    faults: list[str] = []
    blank = Email(message_id="<empty@example.org>", sender="", subject="", body="")
    together = classifier.predict([*sample, blank])
    alone = np.concatenate([classifier.predict([email]) for email in sample[:20]])
    if not np.isfinite(together).all() or np.abs(together.sum(axis=1) - 1).max() > 1e-6:
        faults.append("some probabilities do not sum to 1")
    if (alone.argmax(axis=1) != together[: len(alone)].argmax(axis=1)).any():
        faults.append("an e-mail alone gets another label than in a batch")
    return faults


def _flips(classifier: Classifier, sample: list[Email]) -> list[str]:
    labels = classifier.predict(sample).argmax(axis=1)
    shares = {
        name: float((classifier.predict([rewrite(email) for email in sample]).argmax(axis=1) != labels).mean())
        for name, rewrite in REWRITINGS.items()
    }
    return [
        f"{name} flip {share:.1%} of labels (at most {MAX_FLIPS:.0%})" for name, share in shares.items() if share > MAX_FLIPS
    ]


def check_regression(candidate: Classifier, champion: Classifier | None, holdout: Examples) -> Finding:
    """``performance_regression_test``: on the same untouched mails, not more than MARGIN less accurate than the champion.

    ``holdout`` are mails that neither has learned from. The interval is that of a mean of paired differences (normal
    approximation): its lower end must lie above −MARGIN.
    """
    if champion is None:
        return NO_CHAMPION
    if finding := too_few(len(holdout)):
        return finding
    truth = np.array(holdout.labels)
    right = [np.array(model.labels)[model.predict(holdout.emails).argmax(axis=1)] == truth for model in (candidate, champion)]
    return regression("accuracy", right[0].astype(float) - right[1].astype(float))


def regression(figure: str, differences: NDArray[np.float64]) -> Finding:
    """``performance_regression_test`` by the ``differences`` of a ``figure``, candidate less champion, e-mail by e-mail."""
    margin = _Z95 * float(differences.std()) / np.sqrt(len(differences))
    low, mean = float(differences.mean()) - margin, float(differences.mean())
    detail = f"{figure} {mean:+.3f} against the champion on {len(differences)} e-mails new to both, at least {low:+.3f} at 95 %"
    return Finding(REGRESSION, low > -MARGIN, detail)


def too_few(rows: int) -> Finding | None:
    """``performance_regression_test`` where there are too few e-mails that both are new to; None where there are enough."""
    said = f"only {rows} e-mails are new to both, {_COMPARABLE} are needed to compare them"
    return Finding(REGRESSION, False, said) if rows < _COMPARABLE else None


def check_files(folder: Path, trusted: Path | None = None) -> Finding:
    """``security_vulnerability_scan``: every file matches its digest, none can run code, the key ``trusted`` verifies them."""
    from libs.common.models.artifact import verify_artifact

    try:
        digest = verify_artifact(folder, trusted)
    except ModelError as error:
        return Finding("security_vulnerability_scan", False, error.message)
    count = sum(path.is_file() for path in folder.rglob("*"))
    said = f"{count} files match manifest {digest[:12]}; none can run code{'; signed' if trusted else ''}"
    return Finding("security_vulnerability_scan", True, said)


def check_integration(candidate: Classifier, from_registry: Sequence[str], emails: Sequence[Email]) -> Finding:
    """``integration_tests_pass``: loaded the way other teams load it, the version says what it says in process."""
    labels = np.array(candidate.labels)[candidate.predict(emails).argmax(axis=1)]
    differing = int((labels != np.array(from_registry)).sum())
    detail = f"{len(emails) - differing} of {len(emails)} labels agree between mlflow.pyfunc and the artifact itself"
    return Finding("integration_tests_pass", differing == 0, detail)


def check_test_plan(candidate: Classifier, stable: Classifier | None) -> Finding:
    """``a_b_test_preparation``: both versions speak of the same categories, so that their answers can be compared."""
    gate = "a_b_test_preparation"
    if stable is None:
        return Finding(gate, True, "first version: there is nothing to compare with")
    missing = sorted(set(stable.labels) - set(candidate.labels))
    detail = f"labels missing: {', '.join(missing)}" if missing else f"both know the same {len(stable.labels)} labels or more"
    return Finding(gate, not missing, detail)
