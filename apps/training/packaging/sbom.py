"""What an artifact is made of, as a CycloneDX 1.6 bill of materials: the model, its files, its dataset and its packages.

The same model gives the same bytes: the serial number follows from the files, and the timestamp is the training's.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from apps.training.packaging.provenance import Provenance
from apps.training.packaging.requirements import pins
from apps.training.packaging.sbom_figures import DATASET

SBOM = "sbom.cdx.json"


def describe_files(provenance: Provenance, card: Mapping[str, Any], files: Mapping[str, str]) -> Mapping[str, bytes]:
    """The bill of materials of ``files``, by its name; ``card`` is its ``modelCard``."""
    return {SBOM: bill_of_materials(provenance, card, files, pins(provenance.family))}


def bill_of_materials(
    provenance: Provenance, card: Mapping[str, Any], files: Mapping[str, str], packages: Mapping[str, str]
) -> bytes:
    """The JSON document; ``files`` maps each other file to its SHA-256, ``packages`` what reads them to its version."""
    from cyclonedx.model import bom
    from cyclonedx.output.json import JsonV1Dot6

    library: Any = bom  # its decorators hide the parameters of its classes from the type checker
    digest = hashlib.sha256(json.dumps(dict(files), sort_keys=True).encode()).hexdigest()
    model = _model(provenance, digest, files)
    parts = [_dataset(provenance), *(_package(name, version) for name, version in packages.items())]
    bill = library.Bom(
        serial_number=uuid5(NAMESPACE_URL, f"sha256:{digest}"),
        metadata=library.BomMetaData(component=model, timestamp=provenance.training.training_date),
        components=parts,
    )
    bill.register_dependency(model, parts)
    document: dict[str, Any] = json.loads(JsonV1Dot6(bill).output_as_string())
    # The library has no class for a model card.
    document["metadata"]["component"]["modelCard"] = dict(card)
    return (json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _model(provenance: Provenance, digest: str, files: Mapping[str, str]) -> Any:
    """The registry has not numbered it yet: what it is, is what its files hash to."""
    parts = [_component("file", name, f"file:{name}", hashes=[_sha256(of_file)]) for name, of_file in files.items()]
    return _component("machine-learning-model", provenance.model_name, "model", version=digest[:12], components=parts)


def _dataset(provenance: Provenance) -> Any:
    dataset = provenance.dataset
    return _component("data", dataset.name, DATASET, version=dataset.version, hashes=[_sha256(dataset.digest)])


def _package(name: str, version: str) -> Any:
    from packageurl import PackageURL

    purl = PackageURL("pypi", None, name, version)
    return _component("library", name, purl.to_string(), version=version, purl=purl)


def _component(kind: str, name: str, reference: str, **further: Any) -> Any:
    from cyclonedx.model import component

    library: Any = component
    return library.Component(type=library.ComponentType(kind), name=name, bom_ref=reference, **further)


def _sha256(digest: str) -> Any:
    import cyclonedx.model

    library: Any = cyclonedx.model
    return library.HashType(alg=library.HashAlgorithm.SHA_256, content=digest)
