from bench.cpu_profile import figures_of, purpose_of

REPLY = "run (asyncio/runners.py:1);__call__ (/r/apps/serving/api.py:90);encode (/r/apps/serving/replies.py:20)"
PREDICT = (
    "run (threading.py:1);compute (/r/apps/serving/engine.py:8);predict (/r/libs/common/models/tabular.py:9);dot (numpy.py:1)"
)


def test_a_sample_belongs_to_the_innermost_code_of_the_product() -> None:
    assert purpose_of(REPLY.split(";")) == "writing the reply"
    assert purpose_of(PREDICT.split(";")) == "the model"
    assert purpose_of(["run (asyncio/runners.py:1)", "sock_recv (selectors.py:2)"]) == "HTTP, event loop, Ray"


def test_what_is_done_for_others_is_theirs() -> None:
    counting = "count_words (/r/libs/common/features/signs.py:30)"
    assert purpose_of(["monitored (/r/libs/common/features/drift_features.py:9)", counting]) == "features for drift"
    assert purpose_of(["metadata (/r/libs/common/features/extraction.py:9)", counting]) == "the model"


def test_shares_are_of_all_samples() -> None:
    figures = figures_of("tabular", [f"{REPLY} 1", f"{PREDICT} 3"])
    assert {name: figure.value for name, figure in figures.items()} == {
        "tabular: the model": 0.75,
        "tabular: writing the reply": 0.25,
    }
