"""Which rows belong together, so that an interval counts them once: the mails of a thread, or of a campaign. Pure."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from apps.training.datasets.near_duplicates import campaigns, signature
from apps.training.datasets.split import thread_groups
from libs.common.domain.triage import Email
from libs.common.features.cleaning import clean


def kin(emails: Sequence[Email]) -> NDArray[np.int64]:
    """(n,) group numbers: mails of one thread, or alike as those of one campaign are, share theirs."""
    keys = [f"{row:09d}" for row in range(len(emails))]
    alike = campaigns({key: signature(clean(email)) for key, email in zip(keys, emails, strict=True)})
    campaign = {key: f"campaign {members[0]}" for members in alike for key in members}
    names = (
        [name for name in (email.message_id, email.thread_id, campaign.get(key)) if name]
        for key, email in zip(keys, emails, strict=True)
    )
    groups = thread_groups(zip(keys, names, strict=True))
    return np.array([int(groups[key]) for key in keys], dtype=np.int64)
