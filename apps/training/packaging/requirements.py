"""What prediction needs: pinned packages, memory, CPUs."""

import importlib.metadata
import math

from apps.training.evaluation.footprint import Footprint
from libs.common.domain.model import DeploymentRequirements

REQUIREMENTS = "requirements-model.txt"

_READING = ("numpy", "pydantic", "safetensors", "ftfy")
_READING_TEXTS = (*_READING, "onnxruntime", "tokenizers")
_WRITING = (*_READING, "tokenizers", "torch", "transformers")
_PACKAGES = {
    "tabular": _READING,
    "cascade": _READING_TEXTS,
    "transformer": _READING_TEXTS,
    "hybrid": _READING_TEXTS,
    "boosted": (*_READING_TEXTS, "xgboost"),
    "extractive": _READING_TEXTS,
    "t5": _WRITING,
    "gpt": _WRITING,
}


def requirements(family: str) -> str:
    """`pins` as a requirements file."""
    return "".join(f"{name}=={version}\n" for name, version in pins(family).items())


def pins(family: str) -> dict[str, str]:
    """The packages that prediction needs, with the versions that are installed here."""
    return {name: importlib.metadata.version(name) for name in _PACKAGES[family]}


def deployment_requirements(family: str, measured: Footprint) -> DeploymentRequirements:
    """What a server needs: the process itself (about 200 MB), and what the model was seen to add to one."""
    return DeploymentRequirements(
        memory_mb=200 + math.ceil(measured.memory_bytes / 10**6),
        cpu_cores=1 if family == "tabular" else 2,
        gpu_required=False,
        python_version=">=3.11",
        dependencies=REQUIREMENTS,
    )
