from libs.common.domain.triage import Attachment, Email
from libs.common.features.cleaning import CleanEmail, clean
from libs.common.features.extraction import EDGE_CHARS, EDGE_WORDS, MAX_WORDS, METADATA, edges, metadata, terms


def _mail(**fields: object) -> Email:
    return Email(**{"message_id": "<1@a>", "sender": "", "subject": "", "body": "", **fields})  # pyright: ignore[reportArgumentType]


def test_terms_are_words_and_pairs_and_the_subjects_words_once_more() -> None:
    found = terms(CleanEmail("Invoice due", "Pay the bill", "old text"))
    subject = ["subject:invoice", "subject:due", "invoice", "due", "invoice due"]
    body = ["pay", "the", "bill", "pay the", "the bill", "old", "text", "old text"]
    assert sorted(found) == sorted([*subject, *body])


def test_edges_are_the_words_of_the_first_and_last_lines_that_are_not_blank() -> None:
    body = "\n\n".join(["Dear Ann", "the bill", *(f"line{number} of many" for number in range(9)), "Yours", "Bob"])
    found = edges(CleanEmail("Invoice due", body, "quoted words"))
    opening = ["opening:dear", "opening:ann", "opening:the", "opening:bill"]
    lines = [f"closing:{word}" for number in range(5, 9) for word in (f"line{number}", "of", "many")]
    assert found == [*opening, *lines, "closing:yours", "closing:bob"]


def test_a_mail_of_one_line_begins_and_ends_with_it() -> None:
    assert edges(CleanEmail("", "thank you")) == ["opening:thank", "opening:you", "closing:thank", "closing:you"]
    assert edges(CleanEmail("subject", "")) == []


def test_the_edges_of_a_mail_passed_on_without_a_word_are_its_own() -> None:
    assert edges(CleanEmail("", "", "thank you")) == edges(CleanEmail("", "thank you", ""))


def test_metadata_counts_what_its_names_say() -> None:
    email = _mail(subject="RE: HELLO", body="PAY $5 now! see https://x.y\n", attachments=(Attachment("a", "b", 1),))
    facts = dict(zip(METADATA, metadata(email, clean(email)), strict=True))
    assert facts["is_reply"] == 1 and facts["is_forward"] == 0
    assert round(facts["links"], 3) == round(facts["currency_signs"], 3) == round(facts["attachments"], 3) == 0.693
    assert 0 < facts["upper_share"] < facts["subject_upper_share"] < 1


def test_the_sender_is_no_feature() -> None:
    here, there = (_mail(sender=sender, subject="a subject", body="some body") for sender in ("a@bank.com", "b@spam.biz"))
    assert terms(clean(here)) == terms(clean(there))
    assert edges(clean(here)) == edges(clean(there))
    assert metadata(here, clean(here)) == metadata(there, clean(there))


def test_a_huge_mail_gives_no_more_terms_than_a_long_one() -> None:
    cleaned = CleanEmail("", "word " * 2_000_000, "word " * 2_000_000)
    assert len(terms(cleaned)) <= 2 * MAX_WORDS
    assert len(edges(cleaned)) <= 2 * EDGE_WORDS
    assert len(edges(CleanEmail("", "a" * 1_000_000))[0]) == len("opening:") + EDGE_CHARS
