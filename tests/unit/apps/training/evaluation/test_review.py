"""Bad candidates, each made on purpose, are found by the evaluation; a good one is not accused of anything."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from apps.training.datasets.near_duplicates import campaigns, signature
from apps.training.datasets.split import SplitRow, split_rows, thread_groups
from apps.training.evaluation import flags
from apps.training.evaluation.economies import Economies, compare
from apps.training.evaluation.evaluate import evaluate
from apps.training.evaluation.footprint import Footprint
from apps.training.evaluation.overlap import repeated_rows
from apps.training.evaluation.refits import Refits, Unmeasured, fold_of, judge_latest
from apps.training.evaluation.review import Review, Standard, review
from apps.training.fitting.examples import Examples, Origin
from apps.training.fitting.fit_tabular import fit_once, fit_tabular
from apps.training.fitting.out_of_fold import Fitted
from apps.training.fitting.precision import Verdict
from apps.training.synthetic.generator import generate
from libs.common.config.training import Compression
from libs.common.domain.dataset import Split
from libs.common.domain.triage import Email
from libs.common.features.cleaning import clean
from libs.common.models.base import Classifier, Probabilities
from libs.common.models.tabular import TabularClassifier
from tests.unit.libs.common.models import test_tabular

# Words alone: with grams it is right so often that there is little to be overconfident about.
OPTIONS = test_tabular.OPTIONS.model_copy(update={"gram_weight": 0})
NEVER = Unmeasured("it is fitted once")


@dataclass(frozen=True)
class Changed:
    """A classifier whose probabilities are tampered with."""

    sound: Classifier
    power: float = 1.0
    always: int | None = None
    family = "changed"

    @property
    def labels(self) -> tuple[str, ...]:
        return self.sound.labels

    def predict(self, emails: Sequence[Email]) -> Probabilities:
        if self.always is not None:
            return np.tile(np.eye(len(self.labels))[self.always], (len(emails), 1))
        sharper = self.sound.predict(emails) ** self.power
        return sharper / sharper.sum(axis=1, keepdims=True)


@pytest.fixture(scope="module")
def parts() -> tuple[Examples, Examples]:
    """Training rows and holdout of a synthetic mailbox, threads and campaigns kept together as a build does."""
    mails = list(generate(900, seed=11))
    keys = [f"{number:06d}" for number in range(len(mails))]
    alike = {
        key: campaign[0]
        for campaign in campaigns({key: signature(clean(mail.email)) for key, mail in zip(keys, mails, strict=True)})
        for key in campaign
    }
    groups = thread_groups((key, (mail.email.thread_id, alike.get(key, key))) for key, mail in zip(keys, mails, strict=True))
    rows = [SplitRow(key, mail.label, groups[key]) for key, mail in zip(keys, mails, strict=True)]
    placed = split_rows(rows, 0.3, 5, 0, "random")
    whole = Examples(
        tuple(mail.email for mail in mails),
        tuple(mail.label for mail in mails),
        tuple(placed[key].fold for key in keys),
        tuple(Origin(f"row-{key}", mail.source, "en") for key, mail in zip(keys, mails, strict=True)),
    )
    train, holdout = ([row for row, key in enumerate(keys) if placed[key].split is split] for split in Split)
    return whole.take(train), whole.take(holdout)


@pytest.fixture(scope="module")
def fitted(parts: tuple[Examples, Examples]) -> Fitted[TabularClassifier]:
    return fit_tabular(parts[0], OPTIONS, 0)


@pytest.fixture(scope="module")
def good(fitted: Fitted[TabularClassifier]) -> TabularClassifier:
    return fitted.classifier


def looked_at(classifier: Classifier, train: Examples, holdout: Examples, refits: Refits | None = None) -> Review:
    evaluation = evaluate(classifier, holdout, seed=0)
    refits = refits or Refits(NEVER, NEVER, NEVER)
    return review(classifier, evaluation, holdout, repeated_rows(train, holdout), refits, Standard())


def kinds(seen: Review) -> set[str]:
    return {found.kind for found in seen.findings}


def test_a_good_candidate_is_accused_of_nothing(
    parts: tuple[Examples, Examples], fitted: Fitted[TabularClassifier], good: TabularClassifier
) -> None:
    train, holdout = parts
    latest = judge_latest(lambda examples: fit_once(examples, OPTIONS, 0), train, holdout, "random", 0)
    refits = Refits(fold_of(fitted.aside), latest, NEVER)
    seen = looked_at(good, train, holdout, refits)
    assert seen.evaluation.figures.accuracy > 0.8
    assert not isinstance(refits.latest, Unmeasured) and not isinstance(refits.fold, Unmeasured)
    assert seen.findings == ()
    assert seen.repeated == ()


def test_a_candidate_collapsed_to_one_class_is_found(parts: tuple[Examples, Examples], good: TabularClassifier) -> None:
    seen = looked_at(Changed(good, always=0), *parts)  # pyright: ignore[reportArgumentType]
    assert {flags.COLLAPSED, flags.OVERCONFIDENT} <= kinds(seen)
    (found,) = [one for one in seen.findings if one.kind == flags.COLLAPSED]
    assert "100% of answers" in found.said
    assert good.labels[1] in found.said and found.rows[0].startswith("row-")


def test_an_overconfident_candidate_is_found(parts: tuple[Examples, Examples], good: TabularClassifier) -> None:
    seen = looked_at(Changed(good, power=30), *parts)  # pyright: ignore[reportArgumentType]
    assert kinds(seen) == {flags.OVERCONFIDENT}
    wrong = np.flatnonzero(~seen.evaluation.right)
    assert set(seen.findings[0].rows) <= set(parts[1].named(wrong))


def test_a_candidate_trained_on_a_leaked_split_is_found(parts: tuple[Examples, Examples]) -> None:
    train, holdout = parts
    forwarded = [replace(email, message_id=f"{email.message_id}2", body=email.body + "\nfyi") for email in holdout.emails[:90]]
    leaky = Examples(train.emails + tuple(forwarded), train.labels + holdout.labels[:90], train.folds + (0,) * 90)
    seen = looked_at(fit_tabular(leaky, OPTIONS, seed=0).classifier, leaky, holdout)
    (found,) = [one for one in seen.findings if one.kind == flags.LEAKED]
    assert set(seen.repeated) > set(range(80))
    assert set(found.rows) <= set(holdout.named(seen.repeated))
    assert found.count == len(seen.repeated)


def test_a_candidate_with_damaged_weights_is_found(
    parts: tuple[Examples, Examples], fitted: Fitted[TabularClassifier], good: TabularClassifier
) -> None:
    """Stored in eight bits at a scale that is too fine, so that the larger weights wrap around."""
    train, holdout = parts
    wrapped = np.round(good.weights.terms * 500).astype(np.int64).astype(np.int8).astype(np.float32) / 500
    damaged = replace(good, weights=replace(good.weights, terms=wrapped))
    seen = looked_at(damaged, train, holdout, Refits(fold_of(fitted.aside), NEVER, NEVER))
    assert flags.GAP in kinds(seen)


@pytest.mark.parametrize(("finer", "found"), [(1, False), (20, True)])
def test_a_candidate_whose_int8_is_damaged_is_found(
    parts: tuple[Examples, Examples], good: TabularClassifier, finer: int, found: bool
) -> None:
    """At the scale of the largest weight eight bits answer alike; at one that is too fine the larger weights wrap around."""
    holdout, full = parts[1], good
    scale = finer * 127 / np.abs(full.weights.terms).max()
    steps = np.round(full.weights.terms * scale).astype(np.int64).astype(np.int8).astype(np.float32) / scale
    small = replace(full, weights=replace(full.weights, terms=steps))
    evaluation = evaluate(small, holdout, seed=0)
    verdict = Verdict(True, 100, 0, 0.0, Compression(int8=True, max_flips=0.005, max_macro_f1_loss=0.005))
    cheaper = Economies(verdict, compare(full, evaluation, holdout, seed=0))
    seen = review(small, evaluation, holdout, (), Refits(NEVER, NEVER, NEVER), Standard(), cheaper)
    named = [one for one in seen.findings if one.kind == flags.DAMAGED_INT8]
    assert bool(named) == found
    for one in named:
        changed = np.flatnonzero(full.predict(holdout.emails).argmax(axis=1) != evaluation.predicted)
        assert one.count == len(changed) and set(one.rows) <= set(holdout.named(changed))
        assert f"{len(changed)} of {len(holdout)} labels are not those of fp32 (0.50% may differ)" in one.said


def test_what_the_page_shows_names_rows_and_holds_no_text(parts: tuple[Examples, Examples], good: TabularClassifier) -> None:

    from apps.training.evaluation.evaluation_page import evaluation_page
    from libs.common.domain.dataset import DatasetVersion
    from libs.common.domain.model import TrainingDetails

    training = TrainingDetails.model_construct(
        dataset_version="emails/v1.0.0", training_duration_hours=0.1, compute_cost_usd=0.01, seed=0
    )
    dataset = DatasetVersion.model_construct(name="emails", version="1.0.0")
    seen = looked_at(good, *parts)
    page = evaluation_page("tabular", seen, dataset, training, Footprint(10**6, 10**7))
    wrong = np.flatnonzero(~seen.evaluation.right)
    surest = wrong[np.argsort(-seen.evaluation.confidence[wrong], kind="stable")][0]
    assert parts[1].named([surest])[0] in page
    assert "in groups too small to name, by: language, source." in page
    assert "sender domain" in page and "thread position" in page and "typing errors" in page
    lines = {line for email in parts[1].emails for line in email.body.splitlines() if len(line) > 25}
    assert len(lines) > 100
    assert [line for line in lines if line in page] == []
    assert page == evaluation_page("tabular", seen, dataset, training, Footprint(10**6, 10**7))
