"""What the Python client reaches over REST, against the real server; nothing of it is told on."""

from __future__ import annotations

import io
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.clients.steps import Front, a, client_of, page, run
from tests.harness.server import LiveServer, Pair
from therapyconnect_client import ApiError, CaughtUp, Forbidden, Invalid, NotFound, Unreachable
from therapyconnect_client.frames import ChatMessage, decode

APPOINTMENT = {
    "start": "2026-12-01T09:00:00Z",
    "end": "2026-12-01T10:00:00Z",
    "time_zone": "Europe/Zurich",
}


def test_history_and_events_come_by_the_page(server: LiveServer, pair: Pair) -> None:
    async def work() -> None:
        async with client_of(server, pair, "patient") as patient:
            for delivery in [await patient.send(pair.chat_id, f"line {n}") for n in range(1, 8)]:
                await delivery
            history = patient.messages.history(pair.chat_id, page=3)
            assert [message.seq async for message in history] == [7, 6, 5, 4, 3, 2, 1]
            onward = patient.messages.history(pair.chat_id, page=2, after_seq=3)
            assert [message.seq async for message in onward] == [4, 5, 6, 7]
            some = patient.messages.history(pair.chat_id, page=2, before_seq=6, emergency=False)
            assert [message.seq async for message in some] == [5, 4, 3, 2, 1]
            events = patient.chats.events(pair.chat_id, after_seq=4)
            assert [(event.seq, event.type) async for event in events] == [
                (seq, "message_created") for seq in (5, 6, 7)
            ]
            with pytest.raises(Invalid) as ahead:
                [event async for event in patient.chats.events(pair.chat_id, after_seq=99)]
            assert ahead.value.code == "cursor_ahead"
            found = patient.messages.search("LINE", pair.chat_id)
            assert len([message async for message in found]) == 7
        async with client_of(server, pair, "therapist") as therapist:
            unread = therapist.messages.unread(pair.chat_id)
            assert len([message async for message in unread]) == 7
            chat = await therapist.chats.mark_all_read(pair.chat_id, 5)
            assert (chat.unread_count, chat.receipts.therapist.read_seq) == (2, 5)
            assert (await therapist.chats.mark_unread(pair.chat_id)).marked_unread
            muted = await therapist.chats.set_notifications(pair.chat_id, enabled=False)
            assert not muted.therapist_notifications
            listed = [chat.id async for chat in therapist.chats.list(ordering="priority")]
            assert listed == [pair.chat_id]

    run(work())


def test_rooms_appointments_and_versions(server: LiveServer, pair: Pair) -> None:
    async def work() -> None:
        async with (
            client_of(server, pair, "therapist") as therapist,
            client_of(server, pair, "patient") as patient,
        ):
            room = (await therapist.chats.get(pair.chat_id)).room
            changed = await therapist.rooms.update(room.id, description="Thursdays", tags=["a"])
            assert (changed.description, changed.tags) == ("Thursdays", ["a"])
            assert not (await therapist.rooms.archive(room.id)).is_active
            assert (await therapist.rooms.activate(room.id)).is_active
            allowed = await therapist.rooms.update_permissions(room.id, patient_can_send=False)
            assert not allowed.patient_can_send
            assert [found.id async for found in patient.rooms.list()] == [room.id]
            refused = await patient.send(pair.chat_id, "may I?")
            with pytest.raises(Forbidden) as why:
                await refused
            assert why.value.code == "sending_not_permitted"
            await therapist.rooms.update_permissions(room.id, patient_can_send=True)

            proposed = await (
                await therapist.send(
                    pair.chat_id, "When?", message_type="appointment", payload=APPOINTMENT
                )
            )
            answered = await patient.messages.answer(proposed.id, "accept")
            assert answered.payload is not None
            assert answered.payload["status"] == "accepted"
            start = datetime(2026, 12, 2, 9, tzinfo=UTC)
            moved = await patient.messages.answer(
                proposed.id, "reschedule", start=start, end=start + timedelta(hours=1)
            )
            assert moved.payload is not None
            assert moved.payload["status"] == "rescheduled"
            assert b"BEGIN:VCALENDAR" in await patient.messages.calendar_file(proposed.id)

            sent = await (await therapist.send(pair.chat_id, "first words"))
            edited = await therapist.messages.edit(sent.id, "other words")
            assert edited.edited
            versions = await therapist.messages.versions(sent.id)
            assert [version.text for version in versions] == ["first words"]
            flagged = await therapist.messages.mark_emergency(sent.id)
            assert flagged.emergency
            assert (await patient.messages.get(sent.id)).text == "other words"
            settings = await therapist.people.change_settings(language="de-CH")
            assert settings["language"] == "de-CH"
            assert [row["patient_id"] async for row in therapist.people.caseload()] == [
                pair.patient_id
            ]
            assert [found async for found in patient.people.notifications(unread=True)] == []

    run(work())


def test_a_file_goes_up_and_comes_down(server: LiveServer, pair: Pair, tmp_path: Path) -> None:
    """With its progress told, and sent once it was scanned."""
    content = b"plain words, many times over\n" * 5_000

    async def work() -> None:
        async with client_of(server, pair, "patient") as patient:
            read: list[int] = []
            file = await patient.attachments.upload(
                pair.chat_id, io.BytesIO(content), name="notes.txt",
                content_type="text/plain", on_progress=read.append,
            )  # fmt: skip
            with pytest.raises(NotFound):
                await patient.attachments.save("ATT_none", tmp_path / "none")
            assert not list(tmp_path.iterdir())
            assert read[-1] == len(content)
            assert (file.name, file.size) == ("notes.txt", len(content))
            while file.state == "scanning":
                file = await patient.attachments.status(file.id)
            assert await patient.attachments.save(file.id, tmp_path / "notes") == len(content)
            assert (tmp_path / "notes").read_bytes() == content
            delivery = await patient.send(
                pair.chat_id, "here", message_type="file", attachment_id=file.id
            )
            assert (await delivery).attachment_name == "notes.txt"

    run(work())


def test_a_file_that_is_cut_leaves_nothing(server: LiveServer, pair: Pair, tmp_path: Path) -> None:
    async def says(request: str) -> bytes | None:
        return page(200, "Content-Length: 1000", body=b"the beginning")

    async def work() -> None:
        async with (
            Front(server.port) as front,
            client_of(server, pair, "patient", base=front.base) as patient,
        ):
            front.says = says
            with pytest.raises(Unreachable):
                await patient.attachments.save("ATT_some", tmp_path / "some")
            assert not list(tmp_path.iterdir())
            (tmp_path / "some").write_bytes(b"mine")
            with pytest.raises(FileExistsError):
                await patient.attachments.save("ATT_some", tmp_path / "some")
            assert (tmp_path / "some").read_bytes() == b"mine"

    run(work())


def test_no_log_tells_the_token(
    server: LiveServer, pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor what is said on the socket, however much everybody else writes down."""
    canary = "do-not-tell-77aa01c9"

    async def work() -> None:
        async with client_of(server, pair, "patient") as patient:
            events = patient.events()
            await a(events, CaughtUp)
            await patient.send(pair.chat_id, canary)
            await a(events, ChatMessage)

    with caplog.at_level(logging.DEBUG):
        run(work())
    said = [record.getMessage() for record in caplog.records]
    assert said
    assert not [line for line in said if pair.patient_token in line or canary in line]


def test_what_was_said_is_in_no_log_error_or_repr(
    server: LiveServer, pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    canary = "do-not-tell-5c1c2a0e"
    said: list[str] = []

    async def work() -> None:
        async with (
            client_of(server, pair, "patient") as patient,
            client_of(server, pair, "patient", base="http://127.0.0.1:9") as nowhere,
        ):
            for text, kind in ((canary, None), (canary + "\x00", None), (canary, "image")):
                delivery = await patient.send(pair.chat_id, text, message_type=kind)
                said.append(repr(delivery))
                try:
                    said.append(repr(await delivery))
                except ApiError as error:
                    said.extend([str(error), repr(error), error.detail])
            lost = await nowhere.send(pair.chat_id, canary, emergency=True)
            await lost.first_answer()
            waiting = nowhere._outbox.first(nowhere._outbox.lanes[0])
            said.extend([repr(waiting), repr(lost)])
            found = [message async for message in patient.messages.search(canary)]
            assert len(found) == 1
            said.extend([repr(found), repr(await patient.chats.get(pair.chat_id))])

    with caplog.at_level(logging.DEBUG, logger="therapyconnect_client"):
        run(work())
    said.extend(record.getMessage() for record in caplog.records)
    assert len(said) > 10
    assert not [line for line in said if canary in line]


def test_what_a_later_server_may_say_is_taken() -> None:
    new = decode('{"type": "sparkle", "chat_id": "C", "seq": 7, "more": {"x": 1}}')
    assert (new.chat_id, new.seq) == ("C", 7)  # type: ignore[attr-defined]
    odd = decode('{"type": "message_deleted", "chat_id": "C", "seq": 8, "message_id": 1}')
    assert odd.seq == 8  # type: ignore[attr-defined]
