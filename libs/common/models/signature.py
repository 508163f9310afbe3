"""Verifies the signature of an artifact: the format of OpenSSF model signing, read with ``cryptography`` alone.

A signature is a Sigstore bundle: a DSSE envelope around an in-toto statement that lists the SHA-256 of every file.
"""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from libs.common.errors import ModelUntrusted

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey

SIGNATURE = "model.sig"

# https://github.com/ossf/model-signing-spec · https://github.com/secure-systems-lab/dsse/blob/v1.0.0/protocol.md
# `model_signing` comes to the same verdict, but its import brings sigstore: 0.4 s of CPU, where this takes 0.02 s once, then
# less than 1 ms a model. Release 1.1.1 cannot be imported without pyOpenSSL either, which it does not declare.
PAYLOAD = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://model_signing/signature/v1.0"
_NAME_ANOTHER = "name a PEM file of an elliptic-curve public key: TRIAGE_TRUSTED_KEY"
CURVES = "P-256, P-384 or P-521"
_HINT = "if you know where it comes from, sign it: triage model sign MODEL VERSION"


def verify_signature(folder: Path, files: Mapping[str, str], key: Path) -> None:
    """ModelUntrusted unless ``model.sig`` lists just these ``files``, name to SHA-256, and the PEM file ``key`` verifies it."""
    path = folder / SIGNATURE
    if not path.is_file():
        raise ModelUntrusted(f"{folder}: is not signed, and {key} is to verify it", _HINT)
    try:
        payload, signed = _read_envelope(path)
        if not _verifies(_read_key(key), signed, payload):
            raise ModelUntrusted(f"{path}: was not made with the key that {key} verifies", _HINT)
        listed = _listed_files(json.loads(payload))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelUntrusted(f"{path}: is no OpenSSF model signature ({type(error).__name__}: {error})", _HINT) from error
    if listed != files:
        differing = sorted(name for name in listed.keys() | files.keys() if listed.get(name) != files.get(name))
        raise ModelUntrusted(f"{path}: was made for other files than these ({', '.join(differing)})", _HINT)


def _read_envelope(path: Path) -> tuple[bytes, bytes]:
    """What was signed, and the one signature."""
    envelope = json.loads(path.read_bytes())["dsseEnvelope"]
    (signature,) = envelope["signatures"]
    return base64.b64decode(envelope["payload"], validate=True), base64.b64decode(signature["sig"], validate=True)


def _listed_files(statement: Any) -> dict[str, str]:
    if (statement["_type"], statement["predicateType"]) != (STATEMENT, PREDICATE):
        raise ValueError(f"found a {statement['predicateType']}, {PREDICATE} is read")
    resources = statement["predicate"]["resources"]
    listed = {str(each["name"]): str(each["digest"]) for each in resources}
    if len(listed) != len(resources) or any(each["algorithm"] != "sha256" for each in resources):
        raise ValueError("a file is listed twice, or not by its SHA-256")
    return listed


def _verifies(key: "EllipticCurvePublicKey", signature: bytes, payload: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        key.verify(signature, message_of(payload), algorithm_of(key.curve.key_size))
    except InvalidSignature:
        return False
    return True


def _read_key(path: Path) -> "EllipticCurvePublicKey":
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ModelUntrusted(f"{path}: cannot be read as a public key ({error})", _NAME_ANOTHER) from error
    if not isinstance(key, EllipticCurvePublicKey) or key.curve.key_size not in (256, 384, 521):
        raise ModelUntrusted(f"{path}: is no key on {CURVES}", _NAME_ANOTHER)
    return key


def message_of(payload: bytes) -> bytes:
    """The bytes that DSSE signs."""
    return f"DSSEv1 {len(PAYLOAD)} {PAYLOAD} {len(payload)} ".encode() + payload


def algorithm_of(bits: int) -> "ECDSA":
    """The hash that goes with a curve of so many bits."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA

    return ECDSA({256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}[bits])
