"""Signatures as OpenSSF's own library makes and verifies them, and as a replica verifies them without it."""

import base64
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as pem
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from apps.training.fitting.fit_tabular import fit_once
from libs.common.config.configuration import SigningKeys
from libs.common.errors import ModelCorrupt, ModelError, ModelUntrusted
from libs.common.models.artifact import load_summarizer, verify_artifact, write_artifact
from libs.common.models.pyfunc import _load_pyfunc
from libs.common.models.signature import SIGNATURE
from libs.common.models.signing import own_key, sign_artifact, trusted_key
from libs.common.models.tabular import TabularClassifier
from tests.unit.apps.training.mails import mailbox
from tests.unit.apps.training.summaries.test_judge import FirstWords
from tests.unit.libs.common.models.test_tabular import OPTIONS


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> SigningKeys:
    return SigningKeys(tmp_path_factory.mktemp("home") / "keys")


@pytest.fixture(scope="module")
def classifier() -> TabularClassifier:
    return fit_once(mailbox(30), OPTIONS, 0)


@pytest.fixture(scope="module")
def signed(keys: SigningKeys, classifier: TabularClassifier, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("signed") / "model"
    write_artifact(folder, classifier, {"README.md": b"a card"})
    assert sign_artifact(folder, keys) == folder / SIGNATURE
    return folder


@pytest.fixture
def folder(signed: Path, tmp_path: Path) -> Path:
    return shutil.copytree(signed, tmp_path / "model")


@pytest.fixture(scope="module")
def trusted(signed: Path, keys: SigningKeys) -> Path:
    found = trusted_key(keys)
    assert found is not None
    return found


def write_pair(folder: Path, curve: ec.EllipticCurve) -> SigningKeys:
    """A pair of keys of somebody's own."""
    key, public = ec.generate_private_key(curve), pem.PublicFormat.SubjectPublicKeyInfo
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "key").write_bytes(key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.NoEncryption()))
    (folder / "pub").write_bytes(key.public_key().public_bytes(pem.Encoding.PEM, public))
    return SigningKeys(folder / "own", str(folder / "key"), str(folder / "pub"))


def state(folder: Path, change: Callable[[Any], None], private: Path | None = None) -> None:
    """Change what the signature is about; with a private key, it is then signed as it should be."""
    bundle = json.loads((folder / SIGNATURE).read_text())
    envelope = bundle["dsseEnvelope"]
    statement = json.loads(base64.b64decode(envelope["payload"]))
    change(statement)
    payload = json.dumps(statement).encode()
    envelope["payload"] = base64.b64encode(payload).decode()
    if private:
        key = pem.load_pem_private_key(private.read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        kind = envelope["payloadType"].encode()
        message = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
        envelope["signatures"][0]["sig"] = base64.b64encode(key.sign(message, ec.ECDSA(hashes.SHA256()))).decode()
    (folder / SIGNATURE).write_text(json.dumps(bundle))


# Its certificates, which are not ours, need pyOpenSSL, and 1.1.1 imports that without declaring it.
LIBRARY = """
import sys, types
from pathlib import Path
sys.modules["OpenSSL"] = types.SimpleNamespace(crypto=None)
from model_signing import verifying
for folder, key in zip(sys.argv[1::2], sys.argv[2::2]):
    verifier = verifying.Config().use_elliptic_key_verifier(public_key=key)
    try:
        verifier.verify(Path(folder), Path(folder) / "model.sig")
        print("verified")
    except ValueError as error:
        print(error)
"""


def test_what_was_signed_verifies_with_openssfs_own_library_as_well(folder: Path, trusted: Path, tmp_path: Path) -> None:
    changed, other = shutil.copytree(folder, tmp_path / "changed"), shutil.copytree(folder, tmp_path / "other")
    (changed / "README.md").write_text("another card")
    longer = write_pair(tmp_path / "others", ec.SECP521R1())
    sign_artifact(other, longer)
    asked = [(folder, trusted), (changed, trusted), (other, longer.public), (other, trusted)]
    command = [sys.executable, "-W", "ignore", "-c", LIBRARY, *(str(part) for pair in asked for part in pair)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert (said[0], said[2]) == ("verified", "verified")
    assert "README.md" in said[1] and "Key mismatch" in said[3]


def test_the_digest_does_not_know_of_the_signature(folder: Path, keys: SigningKeys, trusted: Path) -> None:
    digest, first = verify_artifact(folder), (folder / SIGNATURE).read_bytes()
    sign_artifact(folder, keys)
    assert (folder / SIGNATURE).read_bytes() != first
    assert verify_artifact(folder, trusted) == digest
    (folder / SIGNATURE).unlink()
    assert verify_artifact(folder) == digest


def test_without_a_signature_nothing_is_loaded_where_a_key_is_trusted(folder: Path, trusted: Path) -> None:
    (folder / SIGNATURE).unlink()
    with pytest.raises(ModelUntrusted, match="is not signed") as raised:
        verify_artifact(folder, trusted)
    assert "triage model sign" in raised.value.hint


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()], ids=lambda curve: curve.name)
def test_only_the_key_that_signed_it_verifies_it(folder: Path, trusted: Path, tmp_path: Path, curve: ec.EllipticCurve) -> None:
    others = write_pair(tmp_path / "others", curve)
    sign_artifact(folder, others)
    verify_artifact(folder, trusted_key(others))
    with pytest.raises(ModelUntrusted, match="was not made with the key"):
        verify_artifact(folder, trusted)


def test_a_signature_of_other_files_is_not_one_of_these(
    folder: Path, classifier: TabularClassifier, keys: SigningKeys, trusted: Path, tmp_path: Path
) -> None:
    write_artifact(tmp_path / "other", classifier, {"README.md": b"another card"})
    sign_artifact(tmp_path / "other", keys)
    shutil.copy(tmp_path / "other" / SIGNATURE, folder / SIGNATURE)
    with pytest.raises(ModelUntrusted, match=r"other files than these \(README\.md, manifest\.json\)"):
        verify_artifact(folder, trusted)


def test_a_changed_file_is_named_before_its_signature_is_read(folder: Path, trusted: Path) -> None:
    (folder / "README.md").write_text("another card")
    with pytest.raises(ModelCorrupt, match=r"README\.md"):
        verify_artifact(folder, trusted)


def test_a_statement_that_was_changed_is_no_longer_signed(folder: Path, trusted: Path) -> None:
    state(folder, lambda statement: statement["predicate"]["serialization"].update(method="shards"))
    with pytest.raises(ModelUntrusted, match="was not made with the key"):
        verify_artifact(folder, trusted)


def first(statement: Any) -> Any:
    return statement["predicate"]["resources"][0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda statement: None, None),
        (lambda statement: statement["predicate"]["resources"].pop(0), r"other files than these \(README\.md\)"),
        (lambda statement: statement["predicate"]["resources"].append(first(statement)), "listed twice"),
        (lambda statement: first(statement).update(algorithm="md5"), "not by its SHA-256"),
        (lambda statement: statement.update(predicateType="https://example.com/other"), "found a https://example.com/other"),
        (lambda statement: statement.pop("predicate"), "KeyError"),
    ],
)
def test_a_statement_must_list_every_file_by_its_sha256(
    folder: Path, keys: SigningKeys, trusted: Path, change: Callable[[Any], None], said: str | None
) -> None:
    state(folder, change, own_key(keys.own))
    if said is None:
        verify_artifact(folder, trusted)
        return
    with pytest.raises(ModelUntrusted, match=said):
        verify_artifact(folder, trusted)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"null", b'{"dsseEnvelope": {"payload": "?", "signatures": [1]}}', b"\xff"]
)
def test_what_is_no_signature_is_refused(folder: Path, trusted: Path, content: bytes) -> None:
    (folder / SIGNATURE).write_bytes(content)
    with pytest.raises(ModelUntrusted, match="is no OpenSSF model signature"):
        verify_artifact(folder, trusted)


def test_the_homes_key_is_made_once_and_for_its_owner_alone(keys: SigningKeys, trusted: Path) -> None:
    private = own_key(keys.own)
    assert private.stat().st_mode & 0o777 == 0o600
    assert keys.own.stat().st_mode & 0o777 == 0o700
    before = private.read_bytes(), trusted.read_bytes()
    assert own_key(keys.own) == private
    assert (private.read_bytes(), trusted.read_bytes()) == before
    assert sorted(path.name for path in keys.own.iterdir()) == sorted((private.name, trusted.name))


def test_a_lost_public_key_is_made_again_from_the_private_one(folder: Path, keys: SigningKeys, tmp_path: Path) -> None:
    copied = SigningKeys(shutil.copytree(keys.own, tmp_path / "keys"))
    public = trusted_key(copied)
    assert public is not None
    public.unlink()
    assert trusted_key(copied) is None
    own_key(copied.own)
    verify_artifact(folder, public)


def test_which_key_is_trusted(keys: SigningKeys, signed: Path, tmp_path: Path) -> None:
    assert trusted_key(None) is trusted_key(SigningKeys(tmp_path / "nothing signed yet")) is None
    assert trusted_key(SigningKeys(keys.own, public="/etc/pub")) == Path("/etc/pub")
    # The home's own key says nothing of what another key signs.
    assert trusted_key(SigningKeys(keys.own, private="/etc/key")) is None


def test_a_key_that_cannot_be_used_is_named(folder: Path, keys: SigningKeys, tmp_path: Path) -> None:
    other = tmp_path / "ed25519.pub"
    public = ed25519.Ed25519PrivateKey.generate().public_key()
    other.write_bytes(public.public_bytes(pem.Encoding.PEM, pem.PublicFormat.SubjectPublicKeyInfo))
    for named, said in (
        (other, "is no key on P-256"),
        (tmp_path / "absent", "cannot be read"),
        (folder / "README.md", "cannot be read"),
    ):
        with pytest.raises(ModelUntrusted, match=said):
            verify_artifact(folder, named)
    with pytest.raises(ModelError, match="cannot be read as a private key"):
        sign_artifact(folder, SigningKeys(keys.own, private=str(tmp_path / "absent")))


def test_what_this_installation_would_not_load_is_not_signed_in_silence(folder: Path, trusted: Path, tmp_path: Path) -> None:
    other = write_pair(tmp_path / "others", ec.SECP256R1())
    with pytest.raises(ModelUntrusted, match="was not made with the key"):
        sign_artifact(folder, SigningKeys(other.own, other.private, str(trusted)))


def test_mlflow_asks_for_the_signature_where_a_key_is_named(
    folder: Path, trusted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIAGE_TRUSTED_KEY", str(trusted))
    _load_pyfunc(str(folder))
    (folder / SIGNATURE).unlink()
    with pytest.raises(ModelUntrusted, match="is not signed"):
        _load_pyfunc(str(folder))


def test_verifying_brings_no_sigstore(folder: Path, trusted: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from libs.common.models.artifact import load_classifier\n"
        f"load_classifier(Path({str(folder)!r}), trusted=Path({str(trusted)!r}))\n"
        "print(*(name for name in ('model_signing', 'sigstore', 'google', 'sklearn') if name in sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == ""


def test_a_summarizer_that_is_not_signed_is_not_loaded_either(
    trusted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "model"
    digest = write_artifact(folder, FirstWords({}), {})
    with pytest.raises(ModelUntrusted, match="is not signed"):
        load_summarizer(folder, digest, trusted=trusted)
    monkeypatch.setenv("TRIAGE_TRUSTED_KEY", str(trusted))
    with pytest.raises(ModelUntrusted, match="is not signed"):
        _load_pyfunc(str(folder), {"digest": digest})
