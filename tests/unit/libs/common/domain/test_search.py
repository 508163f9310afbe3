from libs.common.domain.search import Score, SearchProgress, TunedOptions


def selection(found: tuple[float, ...], base: tuple[float, ...] = (0.8, 0.9)) -> TunedOptions:
    return TunedOptions(
        key="a" * 16,
        model_name="email_classifier",
        family="tabular",
        options={"max_terms": 5000, "rate": 0.123456},
        score=Score(folds=found),
        configured={"max_terms": 30000, "rate": 0.1},
        base=Score(folds=base),
        trials=12,
        stopped=5,
        failed=0,
        importance={},
        seed=0,
        dataset="emails/v1.0.0",
        dataset_digest="d" * 64,
    )


def test_a_gain_is_told_with_the_folds_that_agree() -> None:
    said = str(selection((0.9, 0.88)))
    assert "macro-F1 0.8900 (0.880 … 0.900), +0.0400 over the configured options, better on 1 of 2 folds" in said
    assert selection((0.9, 0.88)).improved


def test_where_nothing_beats_the_configured_options_that_is_said() -> None:
    unbeaten = selection((0.8, 0.9))
    assert not unbeaten.improved
    assert str(unbeaten).startswith("12 trials of tabular on emails/v1.0.0: nothing beats the configured options")


def test_each_option_stands_beside_the_configured_one() -> None:
    *options, objective = selection((0.9, 0.88)).beside_configured()
    assert options == [("max_terms", "30000", "5000"), ("rate", "0.1", "0.1235")]
    assert objective[1:] == ("0.8500 (0.800 … 0.900)", "0.8900 (0.880 … 0.900)")


def test_progress_is_counted_in_options_tried() -> None:
    underway = SearchProgress(done=10, total=40, seconds=30, best=0.9)
    assert (str(underway), underway.share, underway.ended) == ("tried 10 of 40 options, best macro-F1 0.9000", 0.25, False)
    assert str(SearchProgress(done=0, total=40, seconds=0)) == "tried 0 of 40 options"
