"""Names of warm models, as the specification writes them, become versions of the registry."""

import pytest

from apps.serving.warm import warm_models
from libs.common.domain.model import ModelRef
from libs.common.errors import ModelNotFound
from tests.unit.apps.serving.fakes import MODEL, ref


def find(name: str, version: str) -> ModelRef:
    assert name == MODEL
    if version not in ("2", "3"):
        raise ModelNotFound(f"model {name} has no version '{version}'", "there are 3, 2")
    return ref(version)


def test_versions_of_this_model_are_found_by_its_name_long_or_short() -> None:
    names = ("classifier_v2", "summarizer_v1", "email_classifier_v3", "other_email_classifier_v2")
    assert warm_models(names, MODEL, find) == (ref("2"), ref("3"))


def test_one_that_is_not_registered_is_told_and_left_out(caplog: pytest.LogCaptureFixture) -> None:
    assert warm_models(("classifier_v2.1", "classifier_v3"), MODEL, find) == (ref("3"),)
    (said,) = caplog.messages
    assert "classifier_v2.1 is not kept warm" in said
    assert "there are 3, 2" in said


def test_nothing_is_asked_of_the_registry_for_other_models() -> None:
    def never(name: str, version: str) -> ModelRef:
        raise AssertionError

    assert warm_models(("summarizer_v1.5",), MODEL, never) == ()
