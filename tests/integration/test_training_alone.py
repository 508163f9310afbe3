"""A Ray that a process starts for itself: what runs on it asks no other Ray of this machine how its trainings are."""

import pytest

pytestmark = pytest.mark.filterwarnings("default")


def test_nobody_tells_of_its_trainings(connected: str) -> None:
    """As Ray Train's own helper asks; told of no such actor, it would take a training for dead and its processors from it."""
    import ray
    from ray.util.state import get_actor
    from ray.util.state.exception import RayStateApiException

    @ray.remote(num_cpus=0)
    def ask() -> str:
        try:
            return str(get_actor("0" * 32, timeout=10))
        except RayStateApiException as error:
            return f"refused: {error}"

    assert ray.get(ask.remote()).startswith("refused: ")
