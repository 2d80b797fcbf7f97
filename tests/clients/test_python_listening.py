"""The Python client hears each event once and in order, whatever happens to its socket."""

from __future__ import annotations

import asyncio
import random

from tests.acceptance.proxy import Proxy
from tests.clients.steps import a, client_of, eventually, listening, run, until
from tests.harness.server import LiveServer, Pair
from therapyconnect_client import Afresh, CaughtUp, Connected
from therapyconnect_client.frames import (
    ChatMessage,
    ChatUpdated,
    EmergencyFlagged,
    EmergencyUpdated,
    MessageDeleted,
    MessageDeliveredReceipt,
    MessageEdited,
    MessageReadReceipt,
    MessageRestored,
    NewMessage,
    Presence,
    TypingIndicator,
)


def test_what_one_says_the_other_hears(server: LiveServer, pair: Pair) -> None:
    async def work() -> None:
        async with (
            client_of(server, pair, "therapist") as therapist,
            client_of(server, pair, "patient") as patient,
        ):
            heard, own = patient.events(), therapist.events()
            await a(heard, Connected)
            await a(own, Connected)
            sent = await (await therapist.send(pair.chat_id, "Good morning"))
            news = await a(heard, NewMessage)
            assert (news.message.text, news.seq, news.chat_id) == ("Good morning", 1, pair.chat_id)
            assert (await a(own, ChatMessage)).message.id == sent.id
            # Told by itself: this device has it.
            assert (await a(own, MessageDeliveredReceipt)).seq == 1
            patient.mark_read(pair.chat_id, 1)
            receipt = await a(own, MessageReadReceipt)
            assert (receipt.user_id, receipt.seq) == (pair.patient_id, 1)

            await patient.typing(pair.chat_id)
            typing = await a(own, TypingIndicator)
            assert (typing.user_id, typing.is_typing) == (pair.patient_id, True)

            await therapist.messages.edit(sent.id, "Good evening")
            assert (await a(heard, MessageEdited)).new_text == "Good evening"
            await therapist.messages.delete(sent.id)
            assert (await a(heard, MessageDeleted)).seq == 3
            await therapist.messages.restore(sent.id)
            assert (await a(heard, MessageRestored)).message.text == "Good evening"
            await therapist.chats.update_status(pair.chat_id, "archived")
            assert (await a(heard, ChatUpdated)).chat.status == "archived"
            assert patient.cursors == {pair.chat_id: 4}
            await patient.close()
            gone = await until(own, lambda it: isinstance(it, Presence) and not it.online)
            assert isinstance(gone, Presence)
            assert gone.user_id == pair.patient_id

    run(work())


def test_a_receipt_that_was_too_high_holds_no_other_back(server: LiveServer, pair: Pair) -> None:
    async def work() -> None:
        async with (
            client_of(server, pair, "therapist") as therapist,
            client_of(server, pair, "patient", confirm_delivery=False) as patient,
        ):
            heard, own = patient.events(), therapist.events()
            await a(own, CaughtUp)
            await a(heard, CaughtUp)
            await (await therapist.send(pair.chat_id, "Good morning"))
            receipts = patient._listening._hearing.receipts
            patient.mark_read(pair.chat_id, 99)

            async def refused() -> bool:
                return not receipts._wanted

            await eventually(refused)
            patient.mark_read(pair.chat_id, 1)
            assert (await a(own, MessageReadReceipt)).seq == 1

    run(work())


def test_a_flag_of_what_was_read_is_confirmed_by_who_hears_of_it(
    server: LiveServer, pair: Pair
) -> None:
    async def work() -> None:
        async with (
            client_of(server, pair, "therapist") as therapist,
            client_of(server, pair, "patient") as patient,
        ):
            heard, own = therapist.events(), patient.events()
            await a(heard, Connected)
            await a(own, Connected)
            sent = await (await patient.send(pair.chat_id, "It is not so bad"))
            await a(heard, NewMessage)
            therapist.mark_read(pair.chat_id, 1)
            await a(own, MessageReadReceipt)
            await patient.messages.mark_emergency(sent.id)
            assert (await a(heard, EmergencyFlagged)).seq == 2
            delivered = await until(
                own,
                lambda it: (
                    isinstance(it, EmergencyUpdated) and it.emergency_alert.state == "delivered"
                ),
            )
            assert isinstance(delivered, EmergencyUpdated)
            assert delivered.emergency_alert.message_id == sent.id

    run(work())


def test_who_comes_back_with_cursors_hears_the_rest(server: LiveServer, pair: Pair) -> None:
    async def work() -> None:
        async with client_of(server, pair, "therapist") as therapist:
            for number in range(1, 4):
                await (await therapist.send(pair.chat_id, f"line {number}"))
        async with client_of(server, pair, "patient") as patient:
            events = patient.events()
            assert (await a(events, NewMessage)).seq == 1
            assert (await a(events, NewMessage)).seq == 2
            # The second was handed out, and nobody came for the next: it counts as not dealt with.
            cursors = patient.cursors
        assert cursors == {pair.chat_id: 1}
        async with client_of(server, pair, "patient", cursors=cursors) as patient:
            events = patient.events()
            assert [(await a(events, NewMessage)).seq for _ in range(2)] == [2, 3]
            assert (await a(events, CaughtUp)).last_seq == 3
        async with client_of(server, pair, "patient", since="now") as patient:
            events = patient.events()
            assert (await a(events, CaughtUp)).last_seq == 3
            async with client_of(server, pair, "therapist") as therapist:
                await (await therapist.send(pair.chat_id, "line 4"))
            assert (await a(events, NewMessage)).seq == 4

    run(work())


def test_a_cursor_from_before_a_restore_begins_afresh(server: LiveServer, pair: Pair) -> None:
    async def work() -> None:
        async with client_of(server, pair, "therapist") as therapist:
            for number in range(1, 7):
                await (await therapist.send(pair.chat_id, f"line {number}"))
        # Ahead of what there is: `cursor_ahead`.
        async with client_of(server, pair, "patient", cursors={pair.chat_id: 9}) as patient:
            events = patient.events()
            assert (await a(events, Afresh)).chat_id == pair.chat_id
            assert [(await a(events, NewMessage)).seq for _ in range(6)] == [1, 2, 3, 4, 5, 6]
        # Not ahead, and yet perhaps of other messages: `gap`. This is what a restore leaves.
        server.sql("UPDATE messaging_chat SET forked_seq = 0 WHERE id = %s", (pair.chat_id,))
        async with client_of(server, pair, "patient", cursors={pair.chat_id: 5}) as patient:
            events = patient.events()
            assert (await a(events, Afresh)).chat_id == pair.chat_id
            assert [(await a(events, NewMessage)).seq for _ in range(6)] == [1, 2, 3, 4, 5, 6]
            assert (await a(events, CaughtUp)).last_seq == 6
            async with client_of(server, pair, "therapist") as therapist:
                await (await therapist.send(pair.chat_id, "line 7"))
            assert (await a(events, NewMessage)).seq == 7
            assert patient.cursors == {pair.chat_id: 6}

    run(work())


def test_a_chat_that_is_new_is_heard_from_its_first_message(
    server: LiveServer, admin_token: str, pair: Pair, other_pair: Pair
) -> None:
    """A chat that is made while the socket is open, by people who had none."""
    with server.api(admin_token) as admin:
        ids = {"therapist_id": pair.therapist_id, "patient_id": other_pair.patient_id}
        assert admin.post("care-relationships/", json=ids).status_code == 201

    async def work() -> None:
        async with (
            client_of(server, pair, "therapist") as therapist,
            client_of(server, other_pair, "patient") as patient,
        ):
            events = patient.events()
            await a(events, CaughtUp, chat_id=other_pair.chat_id)
            chat = await therapist.chats.create_or_get(pair.therapist_id, other_pair.patient_id)
            await (await therapist.send(chat.id, "Welcome"))
            news = await a(events, NewMessage)
            assert (news.chat_id, news.seq) == (chat.id, 1)

    run(work())


def test_a_listener_who_takes_their_time_gets_everything(server: LiveServer, pair: Pair) -> None:
    """More than the mailbox holds: the rest is left out, and asked for once there is room."""

    async def work() -> None:
        async with (
            client_of(server, pair, "therapist") as therapist,
            client_of(server, pair, "patient", mailbox_limit=5) as patient,
        ):
            events = patient.events()
            await a(events, CaughtUp)
            for number in range(1, 31):
                # Acknowledged though nobody listens: the two do not wait for each other.
                sender = therapist if number % 3 else patient
                await (await sender.send(pair.chat_id, f"line {number}"))
            heard = [await a(events, NewMessage | ChatMessage) for _ in range(30)]  # type: ignore[arg-type]
            assert [event.seq for event in heard] == list(range(1, 31))  # type: ignore[attr-defined]

    run(work())


def test_bad_lines_lose_nothing(server: LiveServer, pair: Pair, seed: int) -> None:
    """Two devices of each, through a proxy that cuts, resets, slices and stalls."""
    count = 25

    async def work() -> None:
        dice = random.Random(seed)
        async with Proxy(server.port, dice) as proxy:
            base = f"http://127.0.0.1:{proxy.port}"
            clients = [
                client_of(server, pair, side, base=base, timeout=5)
                for side in ("therapist", "patient", "therapist", "patient")
            ]
            async with (
                clients[0], clients[1], clients[2], clients[3],
                listening(clients[0]) as first, listening(clients[1]) as second,
                listening(clients[2]) as third, listening(clients[3]) as fourth,
            ):  # fmt: skip
                deliveries = []
                for number in range(count):
                    for at, client in enumerate(clients):
                        text = f"{at} says {number}"
                        deliveries.append(await client.send(pair.chat_id, text))
                    await asyncio.sleep(dice.uniform(0, 0.05))
                sent = [await delivery for delivery in deliveries]
                assert len({message.id for message in sent}) == 4 * count
                for listener in (first, second, third, fourth):
                    await listener.has(pair.chat_id, 4 * count)
                    assert listener.seqs(pair.chat_id) == list(range(1, 4 * count + 1))
                    for at in range(4):
                        mine = [t for t in listener.texts(pair.chat_id) if t.startswith(f"{at} ")]
                        assert mine == [f"{at} says {number}" for number in range(count)]
                clients[1].mark_read(pair.chat_id, 4 * count)

                async def read() -> bool:
                    async with client_of(server, pair, "therapist") as asking:
                        chat = await asking.chats.get(pair.chat_id)
                    return chat.receipts.patient.read_seq == 4 * count

                await eventually(read)
            assert proxy.done["cuts"] > 0

    run(work())
