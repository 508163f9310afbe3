"""No message, however it was made, crashes, hangs or fills the process that reads it as training and serving do."""

from collections.abc import Iterator

import pytest

from tests.integration.hostile.worker import MESSAGES, Reader, Reading

MOST_CPU_SECONDS = 2
MOST_MB = 500
SEEDS = range(6000)
BATCH = 200


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    reader = Reader()
    yield reader
    reader.close()


def survived(reading: Reading, message: object) -> None:
    """Fail with the message's name unless it was read in time, within memory, and to a sound e-mail."""
    assert not reading.fault, f"{message}: {reading.fault}"
    assert reading.cpu_seconds <= MOST_CPU_SECONDS, f"{message}: {reading.cpu_seconds:.1f} s of CPU"
    assert reading.peak_mb <= MOST_MB, f"{message}: {reading.peak_mb:.0f} MB"


def test_there_are_enough_messages() -> None:
    assert len(MESSAGES) >= 200
    assert len(SEEDS) >= 5000


@pytest.mark.parametrize("name", MESSAGES)
def test_a_hostile_message_is_survived(reader: Reader, name: str) -> None:
    survived(reader.read(name), name)


@pytest.mark.parametrize("first", SEEDS[::BATCH])
def test_damaged_messages_are_survived(reader: Reader, first: int) -> None:
    for seed in range(first, first + BATCH):
        survived(reader.read(seed), f"the message of seed {seed}")
