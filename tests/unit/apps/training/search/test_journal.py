from pathlib import Path

import pytest

from apps.training.search.journal import Journal
from apps.training.search.trials import Trial
from libs.common.errors import StoreError


def test_what_was_noted_is_read_back(tmp_path: Path) -> None:
    with Journal(tmp_path / "search") as journal:
        journal.begin({"rate": 0.1, "depth": 4, "encoder": "small", "exact": True})
        journal.begin({"rate": 1 / 3})
        journal.score(1, 2 / 3)
        journal.score(0, 0.5)
        journal.fail(1, "no term is left")
        noted = journal.trials
    assert noted[1] == Trial(1, {"rate": 1 / 3}, (2 / 3,), "no term is left")
    with Journal(tmp_path / "search") as again:
        assert again.trials == noted


@pytest.mark.parametrize("torn", range(1, 41))
def test_cut_anywhere_it_holds_the_lines_that_are_whole_and_goes_on(tmp_path: Path, torn: int) -> None:
    with Journal(tmp_path) as journal:
        journal.begin({"rate": 0.1})
        journal.score(0, 0.5)
    path = tmp_path / "trials.jsonl"
    content = path.read_bytes()
    path.write_bytes(content[:-torn])
    whole = content[:-torn].count(b"\n")
    with Journal(tmp_path) as journal:
        assert journal.trials == (() if whole == 0 else (Trial(0, {"rate": 0.1}),))
        if whole:
            journal.score(0, 0.7)
    if whole:
        with Journal(tmp_path) as journal:
            assert journal.trials == (Trial(0, {"rate": 0.1}, (0.7,)),)


def test_only_one_process_searches_at_a_time(tmp_path: Path) -> None:
    with Journal(tmp_path), pytest.raises(StoreError, match="running already"):
        Journal(tmp_path)
    with Journal(tmp_path) as journal:
        assert journal.trials == ()
