"""T5 for real: LoRA on Ray Train, a worker that is killed in the middle, and an artifact that is read back."""

from pathlib import Path

import pytest

from apps.training.packaging.requirements import requirements
from apps.training.summaries import fit_generative
from apps.training.summaries.adapters import WEIGHTS
from apps.training.summaries.fit_generative import fit_t5, write_lesson
from apps.training.summaries.generative_worker import learn
from apps.training.summaries.lesson import WritingLesson
from apps.training.summaries.tuning import begin, run_epoch
from libs.common.errors import StoreError
from libs.common.models.artifact import load_summarizer, write_artifact
from libs.common.models.generative import ADAPTER, T5Summarizer
from tests.unit.apps.training.summaries.small_models import examples, options, small_model

pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model(tmp_path_factory.mktemp("base"), "t5")


@pytest.mark.usefixtures("disconnected")
def test_without_ray_it_says_so(base: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="Ray is not connected"):
        fit_t5(examples(), options(base), seed=0, workspace=tmp_path)


@pytest.mark.parametrize("family", ["t5", "gpt"])
def test_what_it_needs_is_pinned(family: str) -> None:
    names = {line.partition("==")[0] for line in requirements(family).splitlines()}
    assert {"transformers", "torch", "tokenizers", "safetensors"} <= names
    assert not {"peft", "ray", "onnxruntime"} & names


def test_a_killed_worker_is_replaced_by_one_that_goes_on(
    base: Path, connected: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safetensors.torch import load_file

    chosen = options(base, epochs=3)
    starts = tmp_path / "starts"

    # Local, so that it travels to the worker by value.
    def killed_once(lesson: WritingLesson) -> None:
        import os
        import signal

        import ray.train

        report = ray.train.report

        def report_and_die(metrics: dict[str, object], **more: object) -> None:
            report(metrics, **more)  # pyright: ignore[reportArgumentType]
            if starts.read_text().count("\n") == 1 and ray.train.get_all_reported_checkpoints():
                os.kill(os.getpid(), signal.SIGKILL)

        with starts.open("a") as log:
            log.write(f"{ray.train.get_checkpoint() is not None}\n")
        ray.train.report = report_and_die
        learn(lesson)

    monkeypatch.setattr(fit_generative, "learn", killed_once)
    fitted = fit_t5(examples(), chosen, seed=0, workspace=tmp_path / "fit", threads=1)
    assert starts.read_text().split() == ["False", "True"]

    lesson = write_lesson(T5Summarizer, examples(), chosen, 0, tmp_path)
    unhurt = begin(lesson)
    for _ in range(chosen.epochs):
        run_epoch(unhurt, lesson)
    unhurt.save(tmp_path / "unhurt")
    kept = (tmp_path / "unhurt", fitted.files / ADAPTER)
    expected, found = (load_file(folder / WEIGHTS) for folder in kept)
    assert expected.keys() == found.keys()
    for name, weight in expected.items():
        assert found[name].numpy() == pytest.approx(weight.numpy(), abs=1e-6)

    digest = write_artifact(tmp_path / "model", fitted, {})
    loaded = load_summarizer(tmp_path / "model", digest)
    assert loaded.summarize(examples().emails) == fitted.summarize(examples().emails)
