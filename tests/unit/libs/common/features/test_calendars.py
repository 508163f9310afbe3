"""An invitation is what, where and the words that go with it; what no person wrote is left out."""

from hypothesis import given
from hypothesis import strategies as st

from libs.common.features.calendars import calendar_text

INVITATION = """BEGIN:VCALENDAR
METHOD:REQUEST
BEGIN:VTIMEZONE
DESCRIPTION:a time zone
END:VTIMEZONE
BEGIN:VEVENT
DTSTART:20250115T103000Z
SUMMARY;LANGUAGE=en;ALTREP="cid:a:b":Budget\\, sec
 ond round
Location:Room 4
DESCRIPTION:Bring figures.\\nCoffee\\; tea is \\\\ out.
BEGIN:VALARM
DESCRIPTION:Reminder
END:VALARM
ATTENDEE:mailto:anna@example.com
END:VEVENT
END:VCALENDAR
"""


def test_summary_place_and_description_are_read() -> None:
    assert calendar_text(INVITATION) == "Budget, second round\nRoom 4\nBring figures.\nCoffee; tea is \\ out."


def test_every_entry_is_read() -> None:
    entries = "BEGIN:VEVENT\nSUMMARY:one\nEND:VEVENT\nBEGIN:VJOURNAL\nSUMMARY:two\nSUMMARY:\nEND:VJOURNAL\nSUMMARY:outside"
    assert calendar_text(entries) == "one\ntwo"


@given(
    st.lists(st.sampled_from(["BEGIN:VEVENT", "END:VEVENT", "SUMMARY", ";A=", '"', ":", "\n", " ", "\\n", "x"]), max_size=40)
)
def test_no_calendar_breaks_it(pieces: list[str]) -> None:
    calendar = "".join(pieces)
    assert calendar_text(f"{calendar}\nBEGIN:VEVENT\nSUMMARY:last").endswith("last")
