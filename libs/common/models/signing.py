"""Signs artifacts in the format of OpenSSF model signing, with a local elliptic-curve key, and says which key is trusted."""

import base64
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from libs.common.config.configuration import SigningKeys
from libs.common.errors import ModelError
from libs.common.models.artifact import signed_files, verify_artifact
from libs.common.models.signature import CURVES, PAYLOAD, PREDICATE, SIGNATURE, STATEMENT, algorithm_of, message_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

_BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
_PRIVATE, _PUBLIC = "model-signing.pem", "model-signing.pub.pem"


def trusted_key(keys: SigningKeys | None) -> Path | None:
    """The public key that a model must be signed with to be loaded: the named one, else the home's own; None without either."""
    if keys is None:
        return None
    if keys.public:
        return Path(keys.public)
    own = keys.own / _PUBLIC
    return own if own.exists() and not keys.private else None


def sign_artifact(folder: Path, keys: SigningKeys) -> Path:
    """Write ``model.sig`` for all other files of ``folder``, and say where; the home's own key is made where none is named.

    ModelUntrusted where this installation would not load what it signed.
    """
    private = Path(keys.private) if keys.private else own_key(keys.own)
    verify_artifact(folder)
    beside = folder.with_name(f".{folder.name}.sig")
    beside.write_bytes(_make_signature(folder.name, signed_files(folder), private))
    signature = beside.replace(folder / SIGNATURE)
    verify_artifact(folder, trusted_key(keys))
    return signature


def own_key(folder: Path) -> Path:
    """The private key in ``folder``; made on P-256, with mode 0600, and its public key beside it, where it is missing."""
    private, public = folder / _PRIVATE, folder / _PUBLIC
    if not public.exists():
        from cryptography.hazmat.primitives import serialization as pem
        from cryptography.hazmat.primitives.asymmetric import ec

        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = ec.generate_private_key(ec.SECP256R1())
        _write_once(private, made.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.NoEncryption()))
        _write_once(public, _public_pem(_read_private_key(private)))
    return private


def _write_once(path: Path, content: bytes) -> None:
    """Whole, with mode 0600 as ``mkstemp`` gives it, and only once: of two processes that make a key, one wins."""
    handle, draft = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    with suppress(FileExistsError):
        os.link(draft, path)
    Path(draft).unlink()


def _make_signature(name: str, files: Mapping[str, str], key: Path) -> bytes:
    """The content of ``model.sig`` for a model's ``files``, name to SHA-256, by the private key in the PEM file ``key``."""
    private = _read_private_key(key)
    payload = json.dumps(_statement(name, files)).encode()
    signed = private.sign(message_of(payload), algorithm_of(private.curve.key_size))
    hint = hashlib.sha256(_public_pem(private)).hexdigest()
    envelope = {"payload": _base64(payload), "payloadType": PAYLOAD, "signatures": [{"sig": _base64(signed), "keyid": ""}]}
    material = {"publicKey": {"hint": hint}, "tlogEntries": []}
    return json.dumps({"mediaType": _BUNDLE, "verificationMaterial": material, "dsseEnvelope": envelope}).encode()


def _public_pem(private: "EllipticCurvePrivateKey") -> bytes:
    """The public half of a key, as its PEM file holds it."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _read_private_key(path: Path) -> "EllipticCurvePrivateKey":
    """The key in a PEM file; ModelError where it cannot sign."""
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    hint = f"name a PEM file without password, of a key on {CURVES}: TRIAGE_SIGNING_KEY"
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise ModelError(f"{path}: cannot be read as a private key ({error})", hint) from error
    if not isinstance(key, EllipticCurvePrivateKey) or key.curve.key_size not in (256, 384, 521):
        raise ModelError(f"{path}: is no key on {CURVES}", hint)
    return key


def _statement(name: str, files: Mapping[str, str]) -> dict[str, Any]:
    """What is signed; the subject's digest is that of all digests in their order."""
    resources = [{"name": each, "algorithm": "sha256", "digest": digest} for each, digest in sorted(files.items())]
    root = hashlib.sha256(b"".join(bytes.fromhex(each["digest"]) for each in resources)).hexdigest()
    method = {"method": "files", "hash_type": "sha256", "allow_symlinks": False, "ignore_paths": [SIGNATURE]}
    return {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": root}}],
        "predicateType": PREDICATE,
        "predicate": {"serialization": method, "resources": resources},
    }


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
