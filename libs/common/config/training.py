"""Schema of ``config/training.yaml``."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from libs.common.config.section import Address, Section, Size
from libs.common.config.spaces import FamilySearch, laid_over
from libs.common.domain.search import Scalar
from libs.common.errors import ConfigError


class ComputeProfile(Section):
    """A machine to train on."""

    instance_type: str
    storage: Size
    auto_scaling: bool
    max_instances: PositiveInt = 1
    usd_per_hour: NonNegativeFloat


ProfileName = Literal["development", "production_training"]


class ComputeResources(Section):
    """The two profiles of the specification."""

    development: ComputeProfile
    production_training: ComputeProfile

    def named(self, name: str) -> ComputeProfile:
        """One of the two; ConfigError where there is no such profile."""
        if name not in type(self).model_fields:
            raise ConfigError([f"there is no compute profile '{name}'; write one of {', '.join(type(self).model_fields)}"])
        return getattr(self, name)


class ExperimentTracking(Section):
    """Where runs are logged, and where artifacts lie."""

    tool: Literal["MLflow"]
    tracking_server: Address
    artifact_store: Address


class Classification(Section):
    """How classifiers are made."""

    frameworks: tuple[Literal["transformers", "scikit-learn", "xgboost"], ...]
    hyperparameter_tuning: Literal["bayesian_optimization"]
    cross_validation: Literal["stratified_k_fold"]


class Summarization(Section):
    """How summarizers are made."""

    frameworks: tuple[Literal["transformers", "pytorch"], ...]
    model_architectures: tuple[Literal["bert", "t5", "gpt"], ...]
    fine_tuning_strategy: Literal["lora"]


class ModelTypes(Section):
    """The two kinds of model."""

    classification: Classification
    summarization: Summarization


class TabularFamily(Section):
    """Logistic regression over metadata and TF-IDF of words, pairs, words of first and last lines, and runs of characters."""

    max_terms: PositiveInt
    min_documents: PositiveInt
    inverse_regularization: PositiveFloat
    edge_weight: NonNegativeFloat
    gram_weight: NonNegativeFloat
    metadata_weight: NonNegativeFloat


class Compression(Section):
    """Whether a fine-tuned network is tried in int8, and by how much its answers may differ for it to be kept.

    ``max_flips`` is the share of labels that differ, ``max_macro_f1_loss`` what macro-F1 falls by, on rows set aside.
    """

    int8: bool
    max_flips: Annotated[float, Field(ge=0, lt=1)]
    max_macro_f1_loss: Annotated[float, Field(ge=0, lt=1)]


class TransformerFamily(Section):
    """A pretrained encoder, fine-tuned whole but for its embeddings; ``max_emails`` bounds the time it takes.

    A step learns from ``accumulation`` batches on each worker. A checkpoint is judged at each epoch's end, and every
    ``checkpoint_steps`` within one; ``patience`` of them in a row without gain end the training (0: they don't).
    """

    encoder: str
    max_tokens: Annotated[int, Field(ge=16, le=512)]
    max_emails: PositiveInt
    epochs: PositiveInt
    batch_size: PositiveInt
    accumulation: PositiveInt
    learning_rate: PositiveFloat
    class_weights: Literal["none", "balanced"]
    checkpoint_steps: PositiveInt
    patience: NonNegativeInt
    dropout: Annotated[float, Field(ge=0, lt=1)]
    workers: PositiveInt
    threads_per_worker: PositiveInt
    use_gpu: bool
    niceness: Annotated[int, Field(ge=0, le=19)]
    compression: Compression


class HybridFamily(Section):
    """The tabular family's features, fitted as its section says, with a frozen encoder's embeddings beside them.

    An embedding has length ``embedding_weight``, where the TF-IDF of terms has length 1; ``actors`` embed the dataset.
    """

    encoder: str
    max_tokens: Annotated[int, Field(ge=16, le=512)]
    actors: PositiveInt
    embedding_weight: PositiveFloat


class BoostedFamily(Section):
    """A frozen encoder's embeddings, ``components`` of TF-IDF's SVD and metadata, under gradient-boosted trees.

    ``actors`` embed the dataset; ``patience`` rounds without gain on a fold end the growing. Shares are of each tree.
    """

    encoder: str
    max_tokens: Annotated[int, Field(ge=16, le=512)]
    actors: PositiveInt
    max_terms: PositiveInt
    min_documents: PositiveInt
    components: PositiveInt
    rounds: PositiveInt
    patience: PositiveInt
    learning_rate: PositiveFloat
    max_depth: PositiveInt
    min_child_weight: NonNegativeFloat
    row_share: Annotated[float, Field(gt=0, le=1)]
    feature_share: Annotated[float, Field(gt=0, le=1)]
    workers: PositiveInt
    threads_per_worker: PositiveInt
    niceness: Annotated[int, Field(ge=0, le=19)]


class CascadeFamily(Section):
    """The tabular family answers where it is sure, the transformer the rest; both are fitted as their own sections say.

    ``max_escalation`` bounds the share of mail that goes on; less does where ``agreement`` of the labels are then those that
    both families together would give.
    """

    max_escalation: Annotated[float, Field(gt=0, lt=1)]
    agreement: Annotated[float, Field(gt=0, le=1)]


FamilyName = Literal["tabular", "cascade", "transformer", "hybrid", "boosted"]


class Families(Section):
    """How each family of classifier is fitted, and which are where nobody names one."""

    default: Annotated[tuple[FamilyName, ...], Field(min_length=1)]
    tabular: TabularFamily
    transformer: TransformerFamily
    hybrid: HybridFamily
    boosted: BoostedFamily
    cascade: CascadeFamily


class Selection(Section):
    """By how many folds of the training rows families are compared, where several are asked for."""

    folds: PositiveInt


class LoraFamily(Section):
    """What every summarizer that is fine-tuned with LoRA says of its training; ``max_emails`` bounds the time it takes."""

    max_emails: PositiveInt
    epochs: PositiveInt
    batch_size: PositiveInt
    learning_rate: PositiveFloat
    lora_rank: PositiveInt
    lora_alpha: PositiveInt
    workers: PositiveInt
    threads_per_worker: PositiveInt
    use_gpu: bool
    niceness: Annotated[int, Field(ge=0, le=19)]


class ExtractiveFamily(LoraFamily):
    """A pretrained encoder with LoRA on its attention, that scores the stretches of at most ``most_words`` of an e-mail.

    The scores are fitted to the distribution over an e-mail's stretches that has their ROUGE, to the power of ``sharpness``.
    """

    encoder: str
    max_tokens: Annotated[int, Field(ge=16, le=512)]
    most_words: Annotated[int, Field(ge=2, le=40)]
    sharpness: PositiveFloat


class GenerativeFamily(LoraFamily):
    """A pretrained language model with LoRA on its linear layers, that writes at most ``max_new_tokens`` of a line.

    A step learns from ``accumulation`` batches on each worker.
    """

    model: str
    max_tokens: Annotated[int, Field(ge=32, le=8192)]
    max_new_tokens: Annotated[int, Field(ge=4, le=256)]
    accumulation: PositiveInt


SummarizerName = Literal["extractive", "t5", "gpt"]


class Summarizers(Section):
    """How each family of summarizer is fitted, and which are where nobody names one."""

    default: Annotated[tuple[SummarizerName, ...], Field(min_length=1)]
    extractive: ExtractiveFamily
    t5: GenerativeFamily
    gpt: GenerativeFamily


class Search(Section):
    """How options are searched: ``generation`` trials are suggested together, and 1/``reduction`` of a rung go on."""

    generation: PositiveInt
    reduction: Annotated[int, Field(ge=2)]
    families: dict[FamilyName, FamilySearch]


class Training(Section):
    """What is trained, on what, and where the runs are tracked."""

    compute_resources: ComputeResources
    profile: ProfileName
    experiment_tracking: ExperimentTracking
    model_types: ModelTypes
    selection: Selection
    families: Families
    summarizers: Summarizers
    search: Search


def with_options(training: Training, family: str, options: Mapping[str, Scalar]) -> Training:
    """The section with some options of a family replaced; ConfigError for what the family does not take."""
    families = training.families
    section = laid_over(getattr(families, family), options, f"training.families.{family}")
    return training.model_copy(update={"families": families.model_copy(update={family: section})})
