"""Who sent an e-mail, as far as its address says."""

import pytest

from libs.common.domain.triage import Email


@pytest.mark.parametrize(
    ("sender", "domain"),
    [
        ("ada@Example.ORG", "example.org"),
        ("Ada <ada@example.org>", "example.org"),
        ('"a@b" <ada@example.org> ', "example.org"),
        ("ada", ""),
        ("", ""),
    ],
)
def test_the_domain_is_what_follows_the_last_at(sender: str, domain: str) -> None:
    assert Email("<1@x>", sender, "s", "b").sender_domain == domain
