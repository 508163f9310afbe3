"""One small packaged model, and what it was made from."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from apps.training.evaluation.evaluate import Evaluation, evaluate
from apps.training.evaluation.footprint import Footprint
from apps.training.evaluation.refits import Refits, Unmeasured
from apps.training.evaluation.review import Standard, review
from apps.training.fitting.fit_tabular import fit_tabular
from apps.training.package import package_model
from apps.training.packaging.card import Judged
from apps.training.packaging.provenance import Provenance
from libs.common.domain.dataset import DatasetVersion
from libs.common.domain.model import TrainingDetails
from libs.common.domain.triage import Email
from tests.unit.apps.training.mails import mailbox
from tests.unit.libs.common.models.test_tabular import OPTIONS


@dataclass(frozen=True)
class Packaged:
    """An artifact beside the judged classifier and its origin."""

    folder: Path
    digest: str
    judged: Judged
    provenance: Provenance

    @property
    def evaluation(self) -> Evaluation:
        return self.judged.review.evaluation


def facts(email: Email) -> dict[str, float]:
    """Stands in for what drift is measured on."""
    return {"body_chars": float(len(email.body))}


def small_package(folder: Path) -> Packaged:
    """A tabular model of a few mails, packaged into the new ``folder``."""
    dataset = DatasetVersion.model_construct(name="emails", version="1.2.0", digest="d" * 64)
    training = TrainingDetails(
        dataset_version="emails/v1.2.0",
        dataset_digest="d" * 64,
        training_duration_hours=0.5,
        compute_cost_usd=0.06,
        training_date=datetime(2026, 1, 2, tzinfo=UTC),
        seed=3,
    )
    classifier = fit_tabular(mailbox(), OPTIONS, seed=3).classifier
    holdout, once = mailbox(30, seed=9), Unmeasured("it is fitted once")
    seen = review(classifier, evaluate(classifier, holdout, seed=3), holdout, (), Refits(once, once, once), Standard())
    judged = Judged(classifier, seen, Footprint(size_bytes=1_500_000, memory_bytes=42_000_000))
    provenance = Provenance("email_classifier", "tabular", dataset, training)
    return Packaged(folder, package_model(folder, judged, mailbox(), provenance, facts), judged, provenance)
