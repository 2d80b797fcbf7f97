"""G9: whatever ends a right to listen closes every socket concerned, and no other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import psycopg
import pytest
import uvloop

from tests.api.calls import claims_of, connect, ok
from tests.crowd.conftest import CHAOS, Supply
from tests.crowd.seats import Place, Seat, all_ended, take_seats
from tests.harness.server import PASSWORD, LiveServer, Pair
from tests.harness.sockets import CLOSED_SECONDS

PAIRS, UNCONCERNED = 5, 5
SLACK_SECONDS = 2.5
"""For a busy machine; what was seen is told."""
AWAY_SECONDS = 40.0 if CHAOS else 5.0

Measured = Callable[[str], None]


@dataclass(frozen=True)
class Cause:
    """`act(server, pair)` ends what `concerns(place)`; those sockets are closed with `code`."""

    act: Callable[[LiveServer, Pair, Pair], object]
    concerns: Callable[[Place], bool]
    code: int


def _auth(server: LiveServer, token: str, method: str, path: str, **options: object) -> int:
    answer = httpx.request(
        method, f"{server.base}/_allauth/app/v1/{path}", timeout=60, verify=False,
        headers={"Authorization": f"Bearer {token}"}, **options,
    )  # fmt: skip
    return answer.status_code


def _log_out(server: LiveServer, first: Pair, second: Pair) -> None:
    assert _auth(server, first.patient_token, "DELETE", "auth/session") == 401  # its way to say so


def _revoke(server: LiveServer, first: Pair, second: Pair) -> None:
    """As an operator does, or another node: the row is gone."""
    server.sql("DELETE FROM accounts_session WHERE key = %s", (_session(first),))


def _change_password(server: LiveServer, first: Pair, second: Pair) -> None:
    body = {"current_password": PASSWORD, "new_password": "another-long-password"}
    path = "account/password/change"
    assert _auth(server, second.patient_token, "POST", path, json=body) == 200


def _deactivate(server: LiveServer, first: Pair, second: Pair) -> None:
    server.sql("UPDATE accounts_user SET is_active = false WHERE id = %s", (first.patient_id,))


def _block(server: LiveServer, first: Pair, second: Pair) -> None:
    with connect(server, first.patient_token) as api:
        ok(api.post(f"chats/{first.chat_id}/update_status/", json={"status": "blocked"}))


def _delete(server: LiveServer, first: Pair, second: Pair) -> None:
    with connect(server, first.therapist_token) as api:
        ok(api.delete(f"chats/{first.chat_id}/"))


def _end_care(server: LiveServer, first: Pair, second: Pair) -> None:
    with connect(server, first.therapist_token) as api:
        (care,) = ok(api.get("care-relationships/"))["results"]
        ok(api.post(f"care-relationships/{care['id']}/end/"))


def _session(pair: Pair) -> str:
    session: str = claims_of(pair.patient_token)["sid"]
    return session


def _of_session(place: Place) -> bool:
    return place.role == "patient" and place.session == "first"


def _of_patient(place: Place) -> bool:
    return place.role == "patient"


def _of_chat(place: Place) -> bool:
    return place.kind == "chat"


CAUSES = {
    "session revoked": Cause(_revoke, _of_session, 4401),
    "log-out": Cause(_log_out, _of_session, 4401),
    "password changed elsewhere": Cause(_change_password, _of_patient, 4401),
    "user deactivated": Cause(_deactivate, _of_patient, 4401),
    "block": Cause(_block, _of_chat, 4403),
    "end of the care": Cause(_end_care, _of_chat, 4403),
    "chat deleted": Cause(_delete, _of_chat, 4404),
}


@pytest.mark.parametrize("name", CAUSES)
def test_a_hundred_sockets(
    crowded: LiveServer, supply: Supply, measured: Measured, name: str
) -> None:
    first, second = supply.take_twice(PAIRS + UNCONCERNED)
    sessions = {"first": first, "second": second}
    measured(f"{name}: " + uvloop.run(_end(crowded, sessions, CAUSES[name])))


def test_a_hundred_sockets_while_the_database_is_away(
    crowded: LiveServer, supply: Supply, measured: Measured
) -> None:
    """What was revoked meanwhile is known within the same time once it is back."""
    first, second = supply.take_twice(PAIRS + UNCONCERNED)
    sessions = {"first": first, "second": second}
    measured("database away: " + uvloop.run(_end_in_an_outage(crowded, sessions)))


async def _end(server: LiveServer, sessions: dict[str, Sequence[Pair]], cause: Cause) -> str:
    seats = await take_seats(server, sessions, _places())
    concerned, others = _parted(seats, cause)
    done: dict[int, float] = {}

    async def act(nth: int) -> None:
        await asyncio.to_thread(cause.act, server, sessions["first"][nth], sessions["second"][nth])
        done[nth] = time.monotonic()

    await asyncio.gather(*(act(nth) for nth in range(PAIRS)))
    await all_ended(concerned, CLOSED_SECONDS + SLACK_SECONDS)
    took = [(seat.closed_at or 0.0) - done[seat.place.nth] for seat in concerned]
    assert max(took) < CLOSED_SECONDS + SLACK_SECONDS
    await _check(server, sessions, cause.code, concerned, others)
    return _report(took, concerned, others)


async def _end_in_an_outage(server: LiveServer, sessions: dict[str, Sequence[Pair]]) -> str:
    cause = CAUSES["session revoked"]
    seats = await take_seats(server, sessions, _places())
    concerned, others = _parted(seats, cause)
    keys = [_session(pair) for pair in sessions["first"][:PAIRS]]
    with away(server) as holder:
        holder.execute("DELETE FROM accounts_session WHERE key = ANY(%s)", (keys,))
        began = time.monotonic()
        while time.monotonic() - began < AWAY_SECONDS:
            await asyncio.gather(*(seat.answers() for seat in seats))
            await asyncio.sleep(0.2)
        assert not any(seat.ended for seat in seats)
    back = time.monotonic()
    await all_ended(concerned, 60)
    took = [(seat.closed_at or 0.0) - back for seat in concerned]
    assert max(took) < CLOSED_SECONDS + SLACK_SECONDS
    await _check(server, sessions, cause.code, concerned, others)
    return f"{AWAY_SECONDS:g} s, sockets stay; " + _report(took, concerned, others)


def _places() -> Iterator[Place]:
    for nth in range(PAIRS):
        for _ in range(10):
            yield Place(nth, "patient", "chat")
            yield Place(nth, "patient", "user")
            yield Place(nth, "therapist", "chat")
        yield Place(nth, "therapist", "user")
        yield Place(nth, "patient", "chat", "second")
        yield Place(nth, "patient", "user", "second")
    for nth in range(PAIRS, PAIRS + UNCONCERNED):
        yield Place(nth, "patient", "chat")
        yield Place(nth, "therapist", "user")


def _parted(seats: Sequence[Seat], cause: Cause) -> tuple[list[Seat], list[Seat]]:
    concerned = [s for s in seats if s.place.nth < PAIRS and cause.concerns(s.place)]
    assert len(concerned) >= 100
    return concerned, [seat for seat in seats if seat not in concerned]


async def _check(
    server: LiveServer,
    sessions: dict[str, Sequence[Pair]],
    code: int,
    concerned: Sequence[Seat],
    others: Sequence[Seat],
) -> None:
    """The code of each; and what is said afterwards is heard by the others alone."""
    assert {seat.code for seat in concerned} == {code}
    for nth, pair in enumerate(sessions["first"]):
        if code == 4401 or nth >= PAIRS:
            await asyncio.to_thread(_say_afterwards, server, pair)
    await asyncio.gather(*(seat.answers() for seat in others))
    assert not any(seat.ended for seat in others)
    heard = [seat for seat in others if "afterwards" in seat.texts]
    assert heard == [seat for seat in others if code == 4401 or seat.place.nth >= PAIRS]
    assert not any("afterwards" in seat.texts or seat.late for seat in concerned)
    for seat in others:
        seat.close()


def _say_afterwards(server: LiveServer, pair: Pair) -> None:
    body = {"chat_id": pair.chat_id, "text": "afterwards", "client_message_id": "afterwards"}
    end = time.monotonic() + 30
    with connect(server, pair.therapist_token) as api:
        # Right after an outage a connection turns out to be dead: 503, and again with the same id.
        while (answer := api.post("messages/", json=body)).status_code == 503:
            assert time.monotonic() < end
            time.sleep(0.2)
    assert answer.status_code in (200, 201), answer.text


def _report(took: Sequence[float], concerned: Sequence[Seat], others: Sequence[Seat]) -> str:
    return (
        f"{len(concerned)} sockets closed with {concerned[0].code}, the last after"
        f" {max(took):.2f} s; {len(others)} others stayed"
    )


@contextmanager
def away(server: LiveServer) -> Iterator[psycopg.Connection]:
    """No connection to the server's database but this one, as if the line to it were cut."""
    assert server.database_url is not None
    from tests.conftest import SERVER_URL

    with (
        psycopg.connect(SERVER_URL, autocommit=True) as elsewhere,
        psycopg.connect(server.database_url, autocommit=True) as holder,
    ):
        name = holder.info.dbname
        elsewhere.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        try:
            elsewhere.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = %s AND pid <> %s AND backend_type = 'client backend'",
                (name, holder.info.backend_pid),
            )
            yield holder
        finally:
            elsewhere.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
