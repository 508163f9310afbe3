"""What else can be counted in an e-mail: for a dataset's reader and its checks, not for the models in the registry.

Unlike ``extraction.METADATA``, which those models were fitted on, this list may grow.
"""

from dataclasses import dataclass

from libs.common.domain.triage import Email
from libs.common.features.cleaning import MAX_BODY_CHARS, CleanEmail
from libs.common.features.html_text import html_to_text, tracking_pixels
from libs.common.features.language import language_of
from libs.common.features.links import links_of, registered_domain
from libs.common.features.scripts import hidden_signs, mixed_script_words
from libs.common.features.zones import zones_of


@dataclass(frozen=True, slots=True)
class MailFacts:
    """Counts of one e-mail, and its language (ISO 639-1 or ``unknown``); ``…_chars`` are characters after cleaning."""

    language: str
    links: int
    link_domains: int  # distinct ones
    misleading_links: int  # whose text names another domain
    tracking_pixels: int  # images of one pixel
    zero_width_signs: int  # before cleaning, in subject and visible body
    bidi_signs: int  # likewise
    mixed_script_words: int  # Latin letters among Cyrillic, Greek, Armenian or Cherokee ones
    signature_chars: int
    quoted_chars: int
    forwarded_chars: int


def facts_of(email: Email, cleaned: CleanEmail) -> MailFacts:
    """The facts of an e-mail and of what cleaning left of it."""
    body = email.body[:MAX_BODY_CHARS]
    hidden = hidden_signs(f"{email.subject}\n{html_to_text(body) if email.is_html else body}")
    links = links_of(email)
    zones = zones_of(cleaned)
    return MailFacts(
        language=language_of(cleaned.whole),
        links=len(links),
        link_domains=len({registered_domain(link.host) for link in links}),
        misleading_links=sum(link.is_misleading for link in links),
        tracking_pixels=tracking_pixels(body) if email.is_html else 0,
        zero_width_signs=hidden.zero_width,
        bidi_signs=hidden.bidi,
        mixed_script_words=mixed_script_words(cleaned.whole),
        signature_chars=len(zones.signature),
        quoted_chars=len(zones.quoted),
        forwarded_chars=len(zones.forwarded),
    )
