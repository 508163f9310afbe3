"""What a model reads of an e-mail, as bytes: mails that differ only elsewhere (ids, people, dates) get the same answer.

Not cleaned: cleaning takes a quarter of the light model's time, and whoever asks for these bytes wants to spare it.
"""

from libs.common.domain.triage import Email
from libs.common.features.cleaning import MAX_BODY_CHARS, MAX_SUBJECT_CHARS


def content_of(email: Email) -> bytes:
    """Subject and body as far as they are read, whether that is HTML, and how many attachments; no two contents share bytes."""
    subject, body = email.subject[:MAX_SUBJECT_CHARS], email.body[:MAX_BODY_CHARS]
    return f"{email.is_html:d} {len(email.attachments)} {len(subject)} {subject}{body}".encode("utf-8", "surrogatepass")
