"""What differs between a version and its rebuild: the likeliest cause is named first, and only where the content differs."""

from typing import Any

from apps.training.datasets.rebuild import first_difference, request_of
from libs.common.domain.dataset import DatasetVersion, Lineage, SourceRef
from tests.unit.libs.common.domain.test_dataset import version as bare_version


def version(digest: str, source: str = "s", code: str = "c", config: str = "f", **fields: Any) -> DatasetVersion:
    sources = (SourceRef(uri="mail.csv", digest=source, rows=3), SourceRef(uri="feedback:", digest="x", rows=1))
    lineage = Lineage(sources=sources, code_commit=code, config_digest=config, recipe="csv", order="time", holdout=0.3, folds=4)
    return bare_version(0).model_copy(update={"digest": digest, "lineage": lineage, **fields})


def test_the_same_digest_is_the_same_whatever_it_was_made_with() -> None:
    assert first_difference(version("d"), version("d", code="other", config="other")) == ""


def test_causes_come_before_what_they_cause() -> None:
    committed = version("d")
    for again, said in (
        (version("e", source="t", code="x", rows=9), "the source mail.csv was changed: SHA-256 t…, then it was s…"),
        (version("e", code="x", config="y", rows=9), "the code commit is x, it was c"),
        (version("e", config="y", rows=9), "the configuration is y, it was f"),
        (version("e", rows=9, classes={"a": 9}), "the number of e-mails is 9, it was 1"),
        (version("e", classes={"a": 9}), "the count of classes is {'a': 9}, it was {}"),
        (version("e"), "the e-mails themselves: every source, count and setting is the same"),
    ):
        assert first_difference(committed, again) == said


def test_a_source_that_gave_nothing_this_time_is_gone() -> None:
    lineage = version("e").lineage
    again = version("e").model_copy(update={"lineage": lineage.model_copy(update={"sources": lineage.sources[:1]})})
    assert first_difference(version("d"), again) == "the source feedback: is gone: it gave 1 e-mails"


def test_what_was_asked_for_is_asked_for_again() -> None:
    request = request_of(version("d"), min_quality=0.5)
    assert (request.name, request.sources, request.recipe, request.order) == ("mail", ("mail.csv",), "csv", "time")
    assert (request.holdout, request.folds, request.min_quality) == (0.3, 4, 0.5)
