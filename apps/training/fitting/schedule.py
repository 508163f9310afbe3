"""How much of the highest learning rate a step gets."""

_WARM_UP_SHARE = 0.1


def learning_share(step: int, steps: int) -> float:
    """The share of the learning rate that a step of so many gets: it rises over the first tenth, then falls to nothing."""
    warm_up = max(1, int(steps * _WARM_UP_SHARE))
    return min((step + 1) / warm_up, max(0.0, (steps - step) / max(1, steps - warm_up)))
