"""G15: a backup made under load restores to a state where every promise holds."""

from __future__ import annotations

import asyncio
import re
import stat
import time
from collections.abc import Callable

import httpx
import pytest

from tests.acceptance.checker import Floor, check_numbers, check_unread
from tests.acceptance.clients import Run
from tests.acceptance.finals import Final, read_final
from tests.acceptance.history import History
from tests.acceptance.storm import judge, report, storm
from tests.backup.drill import ACKS_AROUND, CANARY, Drill, Origin, crew_called


@pytest.fixture(scope="module")
def restored(drill: Drill) -> dict[str, Final]:
    """Each chat of the storm as it came back, before anyone writes."""
    return {
        pair.chat_id: read_final(drill.live.base, drill.pair(pair)) for pair in drill.origin.pairs
    }


def test_the_origin_did_not_suffer(origin: Origin) -> None:
    assert not origin.violations, report(origin.history, origin.violations, origin.seed)


def test_nothing_that_was_acknowledged_before_is_missing(
    drill: Drill,
    restored: dict[str, Final],
    record_property: Callable[[str, object], None],
) -> None:
    origin = drill.origin
    before = [s for s in origin.history.sendings if s.told and (s.answered or 0) < origin.begun]
    assert len(before) >= ACKS_AROUND
    there = {told.fixed for final in restored.values() for told in final.messages}
    for sending in before:
        assert sending.told is not None
        assert sending.told.fixed in there, sending
    kept = sum(final.last_seq for final in restored.values())
    whole = sum(final.last_seq for final in origin.finals)
    measured = (
        f"{len(before)} acked before, {kept} restored, {whole} in the end;"
        f" backup {origin.ended - origin.begun:.1f} s, {origin.file.stat().st_size} bytes"
    )
    record_property("measured", measured)
    print(measured)  # noqa: T201
    assert kept < whole, "the storm went on after the backup"


def test_each_chat_is_its_own_beginning(drill: Drill, restored: dict[str, Final]) -> None:
    """One moment of all: numbers 1 to n, told as they were; horizons and counts that fit them."""
    for final in drill.origin.finals:
        back = restored[final.chat_id]
        assert [event[:3] for event in back.events] == [
            event[:3] for event in final.events[: len(back.events)]
        ]
        # Each message as it was then: what came to it since has a later number.
        for told, later in zip(back.messages, final.messages, strict=False):
            assert told.fixed == later.fixed
            assert told == later or told.changed_seq <= back.last_seq < later.changed_seq
        assert [*check_numbers(back), *check_unread(back)] == []
        for of, seq in back.seqs.items():
            assert seq <= min(back.last_seq, final.seqs[of])


def test_it_goes_on_where_it_ended(drill: Drill, restored: dict[str, Final]) -> None:
    """The next number follows, and ids that were used are known; then a storm finds no fault."""
    origin = drill.origin
    pairs = [drill.pair(pair) for pair in origin.pairs]
    history = History()
    for pair in pairs:
        final = restored[pair.chat_id]
        last = next(
            told
            for told in final.messages[::-1]
            if told.sender_id == pair.patient_id and told.changed_seq == told.seq
        )
        body = {"chat_id": pair.chat_id, "text": last.text, "client_message_id": last.key}
        with drill.live.api(pair.patient_token) as api:
            again = api.post("messages/", json=body)
            assert (again.status_code, again.json()["id"]) == (200, last.id)
            assert api.post("messages/", json={**body, "text": "other"}).status_code == 409
            assert api.get(f"chats/{pair.chat_id}/").json()["last_seq"] == final.last_seq
    run = Run(drill.live.base, history, origin.seed, restored=True)
    asyncio.run(storm(run, pairs, seconds=1.5, crew=crew_called("after")))
    violations = judge(run, pairs, Floor(acks=30))
    assert not violations, report(history, violations, origin.seed)
    assert "Traceback" not in drill.live.log_text()


def test_nobody_stays_logged_in(drill: Drill) -> None:
    """A session that was ended after the backup must not come alive again."""
    quiet = drill.origin.quiet
    assert drill.sessions == 0
    with drill.live.api(quiet.patient_token) as api:
        assert api.get("me/").status_code == 401
    refreshed = httpx.post(
        f"{drill.live.base}/_allauth/app/v1/tokens/refresh",
        json={"refresh_token": drill.origin.refresh_token},
    )
    assert refreshed.status_code in (400, 401)
    with drill.live.api(drill.pair(quiet).patient_token) as api:
        assert api.get("me/").status_code == 200


def test_an_alert_that_nobody_took_meanwhile_says_so(drill: Drill) -> None:
    pair = drill.pair(drill.origin.quiet)
    end = time.monotonic() + 30
    with drill.live.api(pair.therapist_token) as api:
        while True:
            (alert,) = [
                alert
                for alert in api.get("emergencies/").json()["results"]
                if alert["chat_id"] == pair.chat_id
            ]
            if alert["state"] == "exhausted":
                return
            assert alert["state"] == "raised"
            assert time.monotonic() < end
            time.sleep(0.1)


def test_who_finds_the_file_reads_nothing(drill: Drill) -> None:
    origin = drill.origin
    words = [
        CANARY,
        "@demo.test",
        "CHAT_t_",
        origin.quiet.patient_id,
        "Therapist",
        "argon2",
        "pbkdf2",
    ]
    loot = origin.file.read_bytes()
    assert [word for word in words if word.encode() in loot] == []
    logs = origin.live.log_text() + drill.live.log_text() + drill.said
    assert CANARY not in logs
    assert "@demo.test" not in drill.said
    assert stat.S_IMODE(origin.file.stat().st_mode) == 0o600
    ring = (origin.live.data / "keys" / "ring.json").read_text().split('"')[-2]
    assert ring.encode() not in loot
    with drill.live.api(drill.pair(origin.quiet).therapist_token) as api:
        assert CANARY in api.get("messages/", params={"chat_id": origin.quiet.chat_id}).text


def test_the_summary_counts_what_came_back(drill: Drill) -> None:
    counted = [
        drill.origin.live.sql(f"SELECT count(*) FROM {table}")[0][0]
        for table in ("accounts_user", "messaging_chat")
    ]
    users, chats = (int(word) for word in re.findall(r"(\d+) users, (\d+) chats", drill.said)[0])
    assert (users, chats) == tuple(counted)
