"""Appointments: what may be proposed, and who may answer what.

Two people, one standing proposal. Whoever did not make it accepts it, declines it, or answers with
other times, which then stand as theirs; either may cancel, and that is the end of it.

`sequence` follows RFC 5545, section 3.8.7.4, and RFC 5546, section 2.1.4: it rises when the times
change and when the appointment is cancelled. An acceptance or a refusal is the reply of the one
who was asked; it leaves the number alone, and a calendar tells such files apart by DTSTAMP.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Annotated, Any, Final, Literal, get_args
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import msgspec
from msgspec import Meta

from therapyconnect.core.errors import Conflict, Forbidden, Invalid, Problem
from therapyconnect.messaging.policies.typed import ATTR, read_fields, required_payload

Status = Literal["proposed", "accepted", "declined", "cancelled", "rescheduled"]
Answer = Literal["accept", "decline", "reschedule", "cancel"]

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2101, 1, 1, tzinfo=UTC)
LONGEST: Final = timedelta(days=7)

_REPLIES: Final[Mapping[str, Status]] = {"accept": "accepted", "decline": "declined"}

Time = Annotated[datetime, Meta(tz=True, description="RFC 3339, with an offset.")]
TimeZone = Annotated[str, Meta(max_length=64, description="IANA, such as Europe/Vienna.")]
Location = Annotated[str, Meta(max_length=500)]
VideoUrl = Annotated[str, Meta(max_length=1000, pattern="^https://")]
Note = Annotated[str, Meta(max_length=2000)]
AppointmentId = Annotated[str, Meta(max_length=64, pattern="^[!-~]+$")]

_URL = re.compile(r"https://[A-Za-z0-9.:\[\]-]+([/?#][A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]*)?")


class AppointmentProposal(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The payload of a new `appointment` message. Times may be at most seven days apart."""

    start: Time
    end: Time
    time_zone: TimeZone
    id: AppointmentId | None = None
    location: Location | None = None
    video_url: VideoUrl | None = None
    status: Literal["proposed"] = "proposed"
    note: Note | None = None


class Appointment(msgspec.Struct, kw_only=True):
    """The payload of an `appointment` message as it stands. Times are in UTC.

    `time_zone` is the one that it was agreed in. `proposed_by` made the standing proposal, so the
    other one answers it. `sequence` rises with new times and with a cancellation.
    """

    id: AppointmentId
    start: Time
    end: Time
    time_zone: TimeZone
    location: Location | None = None
    video_url: VideoUrl | None = None
    status: Status
    note: Note | None = None
    sequence: Annotated[int, Meta(ge=0)]
    proposed_by: str


def new_appointment(payload: dict[str, Any] | None, *, sender_id: str) -> dict[str, Any]:
    """A proposal of `sender_id`'s, defaults filled in, ready for JSON; `Invalid` names each fault.

    Where the client gave no `id` a new one is made, so the results of two calls differ.
    """
    given, problems = read_fields(AppointmentProposal, required_payload(payload, "appointment"))
    problems += _time_problems(given, prefix=f"{ATTR}.")
    url = given.get("video_url")
    if url is not None and not _is_link(url):
        problems.append(Problem("invalid", "Not an https address.", f"{ATTR}.video_url"))
    if (given.get("id") or "").endswith("\n"):  # a pattern's `$` lets one pass
        problems.append(Problem("invalid", "Only visible ASCII.", f"{ATTR}.id"))
    if problems:
        raise Invalid.of(*problems)
    given["id"] = given.get("id") or str(uuid.uuid4())
    given["status"] = "proposed"
    return _kept(Appointment(**given, sequence=0, proposed_by=sender_id))


def appointment_of(payload: dict[str, Any] | None) -> Appointment:
    """The appointment in a message's payload, or `Conflict` where it holds none."""
    try:
        return msgspec.convert(payload, Appointment)
    except msgspec.ValidationError:
        raise Conflict("not_an_appointment", "This message holds no appointment.") from None


def answer_appointment(
    current: dict[str, Any] | None,
    *,
    answer: Answer,
    actor_id: str,
    start: datetime | str | None = None,
    end: datetime | str | None = None,
    time_zone: str | None = None,
) -> dict[str, Any] | None:
    """The payload after `actor_id`'s answer, ready for JSON; None where nothing changes.

    Times belong to `reschedule`, which keeps the time zone where none is given. `Invalid` names
    each field of the answer that is wrong; `Conflict`: it was cancelled; `Forbidden`: the actor's
    own proposal stands. The same answer again changes nothing, so that a lost one can be repeated.
    """
    if answer not in get_args(Answer):
        raise Invalid("invalid", "Not one of the allowed values.", "answer")
    standing = appointment_of(current)
    times = _answered_times(answer, {"start": start, "end": end, "time_zone": time_zone})
    if standing.status == "cancelled":
        if answer == "cancel":
            return None
        raise Conflict("appointment_cancelled", "This appointment was cancelled.")
    own = actor_id == standing.proposed_by
    if answer == "cancel":
        return _changed(standing, status="cancelled", sequence=standing.sequence + 1)
    if own and _repeats(standing, times):
        return None
    if own:
        raise Forbidden("not_recipient", "Only the other person answers this proposal.")
    if answer == "reschedule":
        return _changed(
            standing,
            **times,
            status="rescheduled",
            proposed_by=actor_id,
            sequence=standing.sequence + 1,
        )
    status = _REPLIES[answer]
    return None if standing.status == status else _changed(standing, status=status)


def _answered_times(answer: Answer, given: Mapping[str, Any]) -> dict[str, Any]:
    """What `reschedule` changes, checked; empty for the other answers, which carry no times."""
    present = {name: value for name, value in given.items() if value is not None}
    if answer != "reschedule":
        if present:
            raise Invalid.of(*(Problem("invalid", "Only to reschedule.", name) for name in present))
        return {}
    values: dict[str, Any] = {}
    problems = [
        Problem("required", "Needed to reschedule.", name)
        for name in ("start", "end")
        if name not in present
    ]
    for name, value in present.items():
        try:
            values[name] = msgspec.convert(value, TimeZone if name == "time_zone" else Time)
        except msgspec.ValidationError:
            problems.append(Problem("invalid", "Not a time (zone) of an appointment.", name))
    problems += _time_problems(values, prefix="")
    if problems:
        raise Invalid.of(*problems)
    return values


def _time_problems(values: Mapping[str, Any], *, prefix: str) -> list[Problem]:
    """What is wrong with those times that could be read."""
    problems: list[Problem] = []
    for name in ("start", "end"):
        if name in values and not EARLIEST <= values[name] < LATEST:
            problems.append(Problem("invalid", "Not in 2000 to 2100.", f"{prefix}{name}"))
    if not problems and "start" in values and "end" in values:
        length = values["end"] - values["start"]
        if length <= timedelta(0):
            problems.append(Problem("invalid", "Not after the start.", f"{prefix}end"))
        elif length > LONGEST:
            problems.append(Problem("invalid", "Over seven days.", f"{prefix}end"))
    if "time_zone" in values and values["time_zone"] not in _zones():
        problems.append(Problem("invalid", "Not an IANA time zone.", f"{prefix}time_zone"))
    return problems


@cache
def _zones() -> frozenset[str]:
    """Every time zone's name. Two files that a system keeps beside them name no place."""
    return frozenset(available_timezones()) - {"localtime", "Factory"}


def _is_link(url: str) -> bool:
    """Whether a person can be led there: https, a host, no user name that poses as one."""
    if _URL.fullmatch(url) is None:
        return False
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises where it is no port
    except ValueError:
        return False
    return bool(parts.hostname)


def _repeats(standing: Appointment, times: Mapping[str, Any]) -> bool:
    """Whether these times are the counter-proposal that already stands."""
    return (
        bool(times)
        and standing.status == "rescheduled"
        and all(getattr(standing, name) == value for name, value in times.items())
    )


def _changed(standing: Appointment, **changes: Any) -> dict[str, Any]:
    return _kept(msgspec.structs.replace(standing, **changes))


def _kept(appointment: Appointment) -> dict[str, Any]:
    """As JSON keeps it, times in UTC."""
    in_utc = msgspec.structs.replace(
        appointment,
        start=appointment.start.astimezone(UTC),
        end=appointment.end.astimezone(UTC),
    )
    kept: dict[str, Any] = msgspec.to_builtins(in_utc)
    return kept
