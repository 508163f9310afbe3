"""What a search for a family's options found, how far one is, and whether it gained anything."""

from libs.common.domain.progress import Progress
from libs.common.domain.value import Value

Scalar = bool | int | float | str
Options = dict[str, Scalar]


class Score(Value):
    """Macro-F1 on each fold, in the folds' order."""

    folds: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The objective: the mean over the folds, 0…1."""
        return sum(self.folds) / len(self.folds)

    def __str__(self) -> str:
        return f"{self.mean:.4f} ({min(self.folds):.3f} … {max(self.folds):.3f})"


class TunedOptions(Value):
    """The best options of one family on one dataset version, beside the configured ones, judged on the same folds.

    ``key`` names the search; of ``trials``, some were ``stopped`` early and some ``failed``. ``importance`` adds up to 1, or
    is empty where too few trials were judged on every fold.
    """

    key: str
    model_name: str
    family: str
    options: Options
    score: Score
    configured: Options
    base: Score
    trials: int
    stopped: int
    failed: int
    importance: dict[str, float]
    seed: int
    dataset: str
    dataset_digest: str

    @property
    def improved(self) -> bool:
        """Whether any trial did better than the configured options."""
        return self.score.mean > self.base.mean

    def beside_configured(self) -> list[tuple[str, str, str]]:
        """(option, configured, found), and in the last row the objective of both."""
        rows = [(name, _shown(self.configured[name]), _shown(value)) for name, value in self.options.items()]
        return [*rows, ("macro-F1 (worst … best fold)", str(self.base), str(self.score))]

    def __str__(self) -> str:
        tried = f"{self.trials} trials of {self.family} on {self.dataset}"
        if not self.improved:
            return f"{tried}: nothing beats the configured options, macro-F1 {self.base}"
        better = sum(found > base for found, base in zip(self.score.folds, self.base.folds, strict=True))
        gain = f"{self.score.mean - self.base.mean:+.4f} over the configured options"
        return f"{tried}: macro-F1 {self.score}, {gain}, better on {better} of {len(self.score.folds)} folds"


class SearchProgress(Progress):
    """``done`` of ``total`` trials; ``best`` is the highest objective so far, None before the first."""

    best: float | None = None

    def __str__(self) -> str:
        best = f", best macro-F1 {self.best:.4f}" if self.best is not None else ""
        return f"tried {self.done} of {self.total} options{best}"


def _shown(value: Scalar) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
