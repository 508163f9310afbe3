"""What the product offers is written down: every command, alert, gate, runbook and decision, counted."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer
import yaml

from tests.architecture.source import REPO

DECISIONS = 32


def headings(path: str, pattern: str) -> list[str]:
    """The first group of ``pattern`` in each heading of a page."""
    return re.findall(rf"^#+ {pattern}", (REPO / path).read_text(), re.MULTILINE)


def commands(command: Any, words: str) -> Iterator[str]:
    """Every command below ``command`` that does something, spelled out from ``triage`` on."""
    if subcommands := getattr(command, "commands", None):
        for name, below in subcommands.items():
            yield from commands(below, f"{words} {name}")
    else:
        yield words


def config(root: str) -> Any:
    """One block of config/."""
    return yaml.safe_load((REPO / "config" / f"{root}.yaml").read_text())[root]


def test_every_command_has_its_place_in_the_cli_page() -> None:
    from apps.console.cli import app

    offered = sorted(commands(typer.main.get_command(app), "triage"))
    assert len(offered) > 5
    rows = re.findall(r"^\| `(triage(?: [a-z]+(?:-[a-z]+)*)+)", (REPO / "docs/cli.md").read_text(), re.MULTILINE)
    assert sorted(rows) == offered


def test_every_alert_has_its_place_in_the_operations_page() -> None:
    rules = config("alerting")["alert_rules"]
    assert len(rules) >= 3
    assert set(rules) <= set(headings("docs/operations.md", r"Alert `(\w+)`"))


def test_every_runbook_that_an_alert_names_exists() -> None:
    runbooks = [rule["runbook"] for rule in config("alerting")["alert_rules"].values() if "runbook" in rule]
    assert runbooks
    assert [path for path in runbooks if not (REPO / path).is_file()] == []


def test_every_gate_is_explained() -> None:
    stages = config("promotion_pipeline")["stages"].values()
    asked = [gate for stage in stages for gate in (*stage["quality_gates"], *stage.get("summarizer_gates", ()))]
    gates = {re.split(r"\s*[<>]", gate)[0] for gate in asked}
    assert len(gates) == 12
    assert gates == set(re.findall(r"^\| `(\w+)` \|", (REPO / "docs/gates.md").read_text(), re.MULTILINE))


def test_every_flaw_and_every_finding_is_explained() -> None:
    from apps.training.datasets import leaks
    from apps.training.datasets.corrections import CORRECTED
    from apps.training.datasets.flaws import CONTESTED, FLAWS
    from apps.training.datasets.reference import DRIFT, UNCOMPARED

    page = (REPO / "docs/data.md").read_text()
    flaws, findings = (page.partition(f"| {table} | is |")[2].partition("\n\n")[0] for table in ("flaw", "finding"))
    assert tuple(re.findall(r"^\| `([\w -]+)` \|", flaws, re.MULTILINE)) == FLAWS
    kinds = {leaks.THREAD, leaks.CAMPAIGN, leaks.TOKEN, leaks.MARKER, leaks.SOURCE, CONTESTED, DRIFT, UNCOMPARED, CORRECTED}
    assert kinds <= set(re.findall(r"^\| `([\w -]+)` \|", findings, re.MULTILINE))


@pytest.mark.parametrize("number", range(1, DECISIONS + 1))
def test_every_decision_of_the_design_is_one_page(number: int) -> None:
    (page,) = (REPO / "docs/adr").glob(f"{number:04d}-*.md")
    text = page.read_text()
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]
    assert text.count("\n") <= 50


def test_the_index_lists_every_decision() -> None:
    pages = {page.name for page in (REPO / "docs/adr").glob("[0-9]*.md")}
    assert len(pages) >= DECISIONS
    assert set(re.findall(r"\]\(([\w.-]+\.md)\)", (REPO / "docs/adr/README.md").read_text())) == pages


@pytest.mark.parametrize("page", sorted(str(page.relative_to(REPO)) for page in REPO.glob("docs/**/*.md")))
def test_links_between_pages_lead_somewhere(page: str) -> None:
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", (REPO / page).read_text())
    assert [target for target in targets if not ((REPO / page).parent / target).exists()] == []
