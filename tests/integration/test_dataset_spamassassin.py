"""On the real corpus: the labels are those of its README, and nothing that defines them reaches what a model reads."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.training.reading.corpora import Quarantined
from apps.training.reading.ingest import open_source
from libs.common.domain.triage import LabelledEmail
from libs.common.features.cleaning import clean

pytestmark = pytest.mark.corpus

LISTS = "fork|zzzzteana|forteana|irregulars|ntknow|ilug|rpm-|exmh|razor|spamassassin|spambayes|sitescooper|webmake|vulnwatch"
LEAKS = {
    "a tag of list software in the subject": r"\A[^\n]*\[[^\]\n]{1,40}\]",
    "the name of a list header": r"^(?:list-(?:id|post|help|subscribe|archive)|x-beenthere|x-mailing-list|mailing-list)\s*:",
    "the address of a list": rf"(?<![\w.+-])(?=[\w.+-]{{1,80}}@)[\w.+-]*(?:{LISTS})[\w.+-]*@\w",
    "the web page of a list": r"https?://\S*(?:listinfo|pipermail|lists\.(?:freshrpms|sourceforge)|groups\.yahoo|xent\.com|linux\.ie)",
    "the footer of a list": r"^\S+ mailing list$|irish linux users' group|list maintainer:|sf\.net email is sponsored by:",
    "the footer of a group": r"^to unsubscribe from this group|^your use of yahoo! groups is subject",
    "the feed reader": r"rssfeeds",
}


@pytest.fixture(scope="module")
def mails(corpora: Path, tmp_path_factory: pytest.TempPathFactory) -> list[LabelledEmail | Quarantined]:
    source = open_source(str(corpora / "spamassassin.parquet"), None, tmp_path_factory.mktemp("landing"))

    def read() -> Iterator[LabelledEmail | Quarantined]:
        for stretch in source.stretches:
            yield from stretch.read()

    return list(read())


def test_labels_and_quarantine_are_those_of_the_readme(mails: list[LabelledEmail | Quarantined]) -> None:
    assert Counter(mail.reason if isinstance(mail, Quarantined) else mail.label for mail in mails) == {
        "spam": 1896,
        "tech-list": 1723,
        "social-list": 1233,
        "notification": 623,
        "personal": 296,
        "newsletter": 242,
        "a list with too few mails to learn or to judge": 33,
    }


def test_nothing_that_defines_a_label_reaches_what_a_model_reads(mails: list[LabelledEmail | Quarantined]) -> None:
    found: Counter[str] = Counter()
    examples: dict[str, str] = {}
    kept = [mail.email for mail in mails if isinstance(mail, LabelledEmail)]
    assert {(email.sender, email.recipients) for email in kept} == {("", ())}
    leaks = {name: re.compile(expression, re.IGNORECASE | re.MULTILINE) for name, expression in LEAKS.items()}
    for email in kept:
        whole = clean(email).whole
        for name, expression in leaks.items():
            if match := expression.search(whole):
                found[name] += 1
                examples[name] = whole[max(0, match.start() - 60) : match.end() + 60]
    assert not found, examples
