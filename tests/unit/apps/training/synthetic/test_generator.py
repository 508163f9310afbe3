"""Synthetic mail carries a reference line that a summarizer can learn."""

from apps.training.synthetic.generator import generate


def test_the_line_is_a_sentence_of_the_mail_itself() -> None:
    mails = list(generate(200, seed=7))
    said = [mail for mail in mails if mail.summary]
    assert len(said) > 0.9 * len(mails)
    plain = [mail for mail in said if not mail.email.is_html]
    found = sum(set(mail.summary.split()) <= set(mail.email.body.split()) for mail in plain)
    assert found > 0.7 * len(plain)  # the rest was mistyped
