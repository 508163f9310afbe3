"""A checkpoint of fine-tuning: tensors as safetensors, and as JSON how far it is."""

from pathlib import Path
from typing import Any

from libs.common.domain.value import Value

_TENSORS = "training.safetensors"
_PROGRESS = "progress.json"


class Progress(Value):
    """Steps done, the best score so far, evaluations since then, and the steps at which a worker began or went on."""

    step: int = 0
    best: float = -1.0
    stale: int = 0
    starts: tuple[int, ...] = ()

    def started(self) -> "Progress":
        """As a worker begins that goes on from here."""
        return self.model_copy(update={"starts": (*self.starts, self.step)})

    def after(self, step: int, score: float) -> "Progress":
        """As it is once ``step`` steps are done and judged."""
        stale = 0 if score > self.best else self.stale + 1
        return self.model_copy(update={"step": step, "best": max(score, self.best), "stale": stale})


def write_progress(folder: Path, progress: Progress) -> None:
    """Write down how far it is."""
    (folder / _PROGRESS).write_text(progress.model_dump_json())


def read_progress(folder: Path) -> Progress:
    """How far it was."""
    return Progress.model_validate_json((folder / _PROGRESS).read_text())


def write_tensors(folder: Path, tensors: dict[str, Any]) -> None:
    """Write torch tensors by their names."""
    from safetensors.torch import save_file

    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, folder / _TENSORS)


def read_tensors(folder: Path) -> dict[str, Any]:
    """The torch tensors by their names, on the CPU."""
    from safetensors.torch import load_file

    return load_file(folder / _TENSORS)
