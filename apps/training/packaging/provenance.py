"""What is said of a version besides its figures: its name, what it is built on, its data and its training."""

from dataclasses import dataclass

from libs.common.domain.dataset import DatasetVersion
from libs.common.domain.model import TrainingDetails

# Framework and architecture of each family, as the metadata schema writes them.
_ARCHITECTURES = {
    "tabular": ("scikit-learn", "tfidf-logistic-regression"),
    "cascade": ("transformers", "tfidf-logistic-regression-before-all-MiniLM-L6-v2"),
    "transformer": ("transformers", "all-MiniLM-L6-v2"),
    "hybrid": ("scikit-learn", "all-MiniLM-L6-v2-tfidf-logistic-regression"),
    "boosted": ("xgboost", "all-MiniLM-L6-v2-tfidf-svd-trees"),
    "extractive": ("transformers", "all-MiniLM-L6-v2-lora-spans"),
    "t5": ("transformers", "encoder-decoder-lora"),
    "gpt": ("transformers", "decoder-lora"),
}


@dataclass(frozen=True)
class Provenance:
    """Where a model of ``family`` comes from."""

    model_name: str
    family: str
    dataset: DatasetVersion
    training: TrainingDetails

    @property
    def framework(self) -> str:
        """The library that it is fitted with."""
        return _ARCHITECTURES[self.family][0]

    @property
    def architecture(self) -> str:
        """What it is, in a word."""
        return _ARCHITECTURES[self.family][1]
