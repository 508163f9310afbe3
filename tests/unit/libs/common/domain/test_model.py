"""Stages lead one way, and a version's short form is what serving needs."""

from libs.common.domain.model import ModelRef, Stage


def test_stages_lead_up_one_at_a_time_and_end_at_production() -> None:
    assert [stage.next for stage in Stage] == [
        Stage.DEVELOPMENT,
        Stage.STAGING,
        Stage.PRODUCTION,
        Stage.PRODUCTION,
        Stage.ARCHIVED,
    ]


def test_a_reference_is_written_as_name_and_version() -> None:
    assert str(ModelRef(name="m", version="3", digest="d", uri="u")) == "m/3"
