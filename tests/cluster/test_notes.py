"""What nodes tell each other: nothing is cut in two, and a sum tells whether a list is whole."""

from __future__ import annotations

import itertools
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from therapyconnect.core.ids import MAX_SEQ
from therapyconnect.messaging.shapes import EmergencyAlert
from therapyconnect.realtime import nodes, notes, parcels
from therapyconnect.realtime.broker import Broker
from therapyconnect.realtime.carrier import BrokerWire
from therapyconnect.realtime.engines.postgres import PostgresBroker
from therapyconnect.realtime.engines.redis import RedisBroker
from therapyconnect.realtime.sealed import ParcelSeal, SealedWire
from therapyconnect.vault.keyring import KeyRing

LONGEST_TAIL = 32
NOTIFY_BYTES = 8_000
"""PostgreSQL refuses a payload of so many."""
USERS = st.sets(st.from_regex(r"p_[a-z0-9]{3,8}", fullmatch=True), max_size=400)
EVENTS = st.lists(
    st.builds(notes.EventNote, st.sampled_from(["CHAT_a", "CHAT_b", "CHAT_c"]), st.integers(1, 99))
)


async def _nowhere() -> Any:
    raise AssertionError


@given(EVENTS, st.integers(160, 440))
def test_parcels_hold_every_note_in_order_and_fit(told: list[notes.Note], most: int) -> None:
    packed = [*parcels.Packer("node").pack(told, most=most)]
    assert all(len(parcel) <= most for parcel in packed)
    opened = [parcels.unpack(parcel) for parcel in packed]
    assert all(parcel is not None and parcel.node == "node" for parcel in opened)
    assert [*itertools.chain(*(p.notes for p in opened if p is not None))] == told


@given(EVENTS)
def test_what_is_gathered_says_how_far_each_chat_is(told: list[notes.EventNote]) -> None:
    furthest: dict[str, int] = {}
    for note in told:
        furthest[note.chat_id] = max(note.seq, furthest.get(note.chat_id, 0))
    gathered = notes.gather(told)
    assert {n.chat_id: n.seq for n in gathered if isinstance(n, notes.EventNote)} == furthest
    assert len(gathered) == len(furthest)


@pytest.mark.parametrize(
    "broker", [PostgresBroker(_nowhere), RedisBroker("redis://x", channel="c")]
)
def test_the_longest_notes_fit_into_a_parcel_of_each_engine(broker: Broker) -> None:
    """One that does not is left out, so nobody would ever be told of it."""
    patients = [f"p_{n:0{LONGEST_TAIL}}" for n in range(notes.USERS_A_PART)]
    chat, at = f"t_{'a' * LONGEST_TAIL}_{patients[0]}", datetime.now(UTC)
    alert = EmergencyAlert(
        id=f"EMG_{chat}_{MAX_SEQ}", chat_id=f"CHAT_{chat}", message_id=f"MSG_{chat}_{MAX_SEQ}",
        state="acknowledged", raised_at=at, delivered_at=at, acknowledged_at=at,
        acknowledged_by=f"t_{'a' * LONGEST_TAIL}", resolved_at=at, exhausted_at=at,
    )  # fmt: skip
    told = [*notes.present(patients, generation=10**9), notes.AlertNote(alert)]
    ring = KeyRing({1: bytes(32)})
    wire = SealedWire(BrokerWire(broker), ring)
    packed = [*parcels.Packer("0" * 12).pack(told, most=wire.most)]
    opened = [parcels.unpack(parcel) for parcel in packed]
    assert [note for parcel in opened if parcel is not None for note in parcel.notes] == told
    assert max(len(ParcelSeal(ring).seal(parcel)) for parcel in packed) <= broker.most
    if isinstance(broker, PostgresBroker):
        assert len(b64encode(bytes(broker.most))) < NOTIFY_BYTES


def test_what_is_no_parcel_is_no_parcel() -> None:
    for raw in (b"", b"{}", b"[1,2]", b'["n",[["zz",1]]]', b'["n",[["e","CHAT",0.5]]]', b"\xff"):
        assert parcels.unpack(raw) is None


@given(st.lists(USERS, min_size=1, max_size=4))
def test_a_list_makes_two_sides_agree(lists: list[set[str]]) -> None:
    """Whatever was known before, and however many parts it takes."""
    online: set[str] = set()

    def changed(node: str, user_id: str, there: bool) -> None:
        assert (user_id in online) is not there
        (online.add if there else online.discard)(user_id)

    board = nodes.Nodes(changed)
    board.hear("n", 0.0)
    for generation, users in enumerate(lists):
        theirs = nodes.Roll()
        for user in users:
            theirs.add(user)
        beat = notes.BeatNote(len(theirs.users), theirs.digest)
        assert board.agrees("n", beat) is (online == users)
        for part in notes.present(sorted(users), generation=generation):
            assert isinstance(part, notes.PresentNote)
            board.take("n", part)
        assert online == users
        assert board.agrees("n", beat)
    board.expire(nodes.DEAD_SECONDS + 1)
    assert online == set()
