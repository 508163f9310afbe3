from dataclasses import replace

import numpy as np

from apps.training.evaluation.groups import kin
from tests.unit.apps.training.mails import mailbox


def test_mails_of_a_thread_or_of_a_campaign_share_a_group() -> None:
    mails = list(mailbox(12).emails)
    mails[5] = replace(mails[5], thread_id=mails[2].message_id)
    mails[9] = replace(mails[3], message_id="<copy@x>", body=mails[3].body + " ok")
    groups = kin(mails)
    assert groups[5] == groups[2] and groups[9] == groups[3]
    assert len(np.unique(groups)) == 10
    assert (kin([replace(mail, message_id="", thread_id="") for mail in mails])[[2, 5]] == [2, 5]).all()


def test_no_mails_are_in_no_group() -> None:
    assert len(kin([])) == 0
