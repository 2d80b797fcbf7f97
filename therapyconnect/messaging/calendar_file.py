"""An appointment as a calendar file (RFC 5545), for whatever calendar a person uses.

Calendars are shared, synchronised and shown on locked screens: the file says when and where, and
nothing of whom or why. Its summary is neutral, the note stays in the chat, and there is no
ORGANIZER, which would have to be the address of one of the two.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from icalendar import Calendar, Event, vText, vUri

from therapyconnect.messaging.policies.appointments import Status, appointment_of

SUMMARY: Final = "Appointment"
PRODID: Final = "-//TherapyConnect//Calendar//EN"

# A proposal may still move. One that was declined takes no place, but may yet be accepted: it is
# published as not taking place, and only a cancellation takes it out of the calendar for good.
_STATUS: Final[dict[Status, str]] = {
    "proposed": "TENTATIVE",
    "rescheduled": "TENTATIVE",
    "accepted": "CONFIRMED",
    "declined": "CANCELLED",
    "cancelled": "CANCELLED",
}
_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f]")


class _Text(vText):
    """TEXT, escaped by the letter of RFC 5545: the library takes a written `\\N` for a new line."""

    def to_ical(self) -> bytes:
        text = str(self)
        for plain, escaped in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\n", "\\n")):
            text = text.replace(plain, escaped)
        return text.encode()


def calendar_file(*, message_id: str, payload: dict[str, Any] | None, now: datetime) -> bytes:
    """The appointment of a message as it stands at `now`: one event, times in UTC.

    Its UID is the message's, so a later file replaces an earlier one. `Conflict` where the message
    holds no appointment.
    """
    appointment = appointment_of(payload)
    cancelled = appointment.status == "cancelled"
    status = _STATUS[appointment.status]
    event = Event()
    event.add("uid", f"{message_id}@therapyconnect")
    event.add("dtstamp", now.astimezone(UTC).replace(microsecond=0))
    event.add("sequence", appointment.sequence)
    event.add("dtstart", _floor(appointment.start))
    event.add("dtend", _ceil(appointment.end))
    event.add("status", status)
    event.add("transp", "TRANSPARENT" if status == "CANCELLED" else "OPAQUE")
    event.add("summary", SUMMARY)
    event.add("class", "PRIVATE")
    place = _clean(appointment.location or "")
    if place:
        event.add("location", _Text(place))
    if appointment.video_url:
        event.add("url", vUri(appointment.video_url))
    calendar = Calendar()
    calendar.add("prodid", PRODID)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "CANCEL" if cancelled else "PUBLISH")
    calendar.add_component(event)
    return bytes(calendar.to_ical(sorted=False))


def _floor(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(microsecond=0)


def _ceil(at: datetime) -> datetime:
    """The next whole second: a calendar knows no smaller ones, and an end is after its start."""
    whole = _floor(at)
    return whole if whole == at else whole + timedelta(seconds=1)


def _clean(text: str) -> str:
    """Whatever some reader takes for a line's end as one, no other control characters."""
    return _CONTROLS.sub("", _LINE_ENDS.sub("\n", text)).strip()
