"""Holdout rows that the training rows give away: the same text, or a near-duplicate of it. Pure."""

from apps.training.datasets.near_duplicates import campaigns, signature
from apps.training.fitting.examples import Examples
from libs.common.features.cleaning import clean


def repeated_rows(taught: Examples, holdout: Examples) -> tuple[int, ...]:
    """The rows of the holdout, ascending, whose cleaned text stands in ``taught`` too, word for word or almost.

    Near-duplicates are linked to each other as in a dataset's campaigns, so that a row may be alike to one through another.
    """
    cleaned = [clean(email) for email in (*taught.emails, *holdout.emails)]
    known = {text.whole for text in cleaned[: len(taught)]}
    same = {row for row, text in enumerate(cleaned[len(taught) :]) if text.whole in known}
    signatures = {f"{row:09d}": signature(text) for row, text in enumerate(cleaned)}
    for campaign in campaigns(signatures):
        rows = sorted(map(int, campaign))
        if rows[0] < len(taught):
            same |= {row - len(taught) for row in rows if row >= len(taught)}
    return tuple(sorted(same))
