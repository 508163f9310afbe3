from pathlib import Path

from bench.contract import judge_report
from bench.recovery import figures_of, read_notes

JUNIT = """<testsuites><testsuite>
<testcase name="test_a_killed_proxy_comes_back"><properties>
<property name="trouble_s" value="5.5"/><property name="failed" value="7"/><property name="answered" value="160"/>
</properties></testcase></testsuite></testsuites>"""


def report(generated: int, **failures: int) -> dict[str, object]:
    found = [{"type": name, "count": count} for name, count in failures.items()]
    counted = {"generated": generated, "with_failures": sum(failures.values()), "errored": 0}
    return {"test_cases": counted, "failures": found, "operations": {"tested": 3}, "running_time": 2.0}


def test_the_contract_holds_where_enough_was_called_and_nothing_found() -> None:
    figures = judge_report(report(12_000))
    assert all(figure.holds is not False for figure in figures.values())
    assert figures["contract_rate"].value == 6000


def test_server_errors_are_told_from_what_is_undocumented() -> None:
    figures = judge_report(report(500, ServerError=2, UndefinedStatusCode=3))
    assert (figures["contract_server_errors"].value, figures["contract_undocumented"].value) == (2, 3)
    assert not figures["contract_calls"].holds


def test_what_the_chaos_tests_noted_becomes_figures(tmp_path: Path) -> None:
    path = tmp_path / "report.xml"
    path.write_text(JUNIT)
    notes = read_notes(path)
    assert notes == {"proxy": {"trouble_s": 5.5, "failed": 7, "answered": 160}}
    later = {"trouble_s": 6.5, "failed": 9, "answered": 170}
    figure = figures_of({"proxy": [notes["proxy"], later]})["proxy_trouble_s"]
    assert (figure.value, figure.low, figure.high) == (6.0, 5.5, 6.5)
