import pytest

from apps.training.fitting.schedule import learning_share


def test_the_rate_rises_over_a_tenth_of_the_steps_and_then_falls_to_nothing() -> None:
    shares = [learning_share(step, 100) for step in range(101)]
    assert shares[:2] == pytest.approx([0.1, 0.2])
    assert shares[9] == max(shares) == 1
    assert shares[:10] == sorted(shares[:10])
    assert shares[10:] == sorted(shares[10:], reverse=True)
    assert shares[100] == 0 < shares[99]


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_shortest_training_has_a_rate(steps: int) -> None:
    assert all(0 < learning_share(step, steps) <= 1 for step in range(steps))
