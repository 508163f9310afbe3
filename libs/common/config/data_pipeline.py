"""Schema of ``config/data_pipeline.yaml``."""

from typing import Literal

from libs.common.config.section import Address, Section, Share


class Ingestion(Section):
    """Named sources, each one ``name: URI``."""

    sources: tuple[dict[str, str], ...]

    @property
    def uris(self) -> tuple[str, ...]:
        """The URIs in order."""
        return tuple(uri for source in self.sources for uri in source.values())


class Preprocessing(Section):
    """The steps between a raw message and a row, and the score below which a build stops."""

    text_cleaning: tuple[Literal["remove_html_tags", "normalize_unicode", "handle_attachments_metadata"], ...]
    feature_extraction: tuple[Literal["tfidf_vectorization", "bert_embeddings", "email_metadata_features"], ...]
    data_validation: tuple[Literal["schema_validation", "data_drift_detection", "quality_scoring"], ...]
    quality_threshold: Share


class Versioning(Section):
    """Where the data workspace pushes its versions."""

    tool: Literal["DVC"]
    storage: Address
    branching_strategy: Literal["git_flow"]


class DataPipeline(Section):
    """Where mail comes from, how it is cleaned and checked, where versions are kept."""

    ingestion: Ingestion
    preprocessing: Preprocessing
    versioning: Versioning
