"""A Ray that a process starts for itself: what runs on it asks no other Ray of this machine about its tasks."""

import pytest

pytestmark = pytest.mark.filterwarnings("default")


def test_nobody_tells_of_its_work(connected: str) -> None:
    """As Ray Data asks about tasks that take long; what another Ray says would be about others."""
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
