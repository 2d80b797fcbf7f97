"""What keeps parcels and receipts in order, and what seals them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from therapyconnect.core.hub import ReceiptMoved
from therapyconnect.messaging.shapes import Horizons, Receipts
from therapyconnect.realtime.horizons import HorizonBoard
from therapyconnect.realtime.notes import PresenceNote
from therapyconnect.realtime.order import BEFORE_SECONDS, Order
from therapyconnect.realtime.parcels import Packer, Parcel, unpack
from therapyconnect.realtime.sealed import ParcelSeal, channel_of
from therapyconnect.vault.keyring import KeyRing

ONE, TWO = (bytes([n]) * 32 for n in (1, 2))
CHAT = "CHAT_t_abc123_p_xyz789"


def test_the_same_said_twice_makes_two_parcels() -> None:
    """PostgreSQL delivers one of equal payloads: who came, left and came again would be gone."""
    packer = Packer("node")
    told = [*(PresenceNote("p_a", online) for online in (True, False, True))]
    parcels = [parcel for note in told for parcel in packer.pack([note], most=7_500)]
    assert len(set(parcels)) == 3
    opened = [unpack(parcel) for parcel in parcels]
    assert [(p.number, p.notes) for p in opened if p] == [(n + 1, [told[n]]) for n in range(3)]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 9)), max_size=40))
def test_of_each_node_only_what_is_newer_is_taken(told: list[tuple[str, int]]) -> None:
    order = Order(began=1000.0)
    taken: dict[str, list[int]] = {"a": [], "b": []}
    for node, number in told:
        if order.accepts(Parcel(node, [], number, 1001.0)):
            taken[node].append(number)
    for node, numbers in taken.items():
        assert numbers == sorted(set(numbers))
        assert max(numbers, default=0) == max((n for who, n in told if who == node), default=0)


def test_what_was_told_long_before_this_process_began_is_none_of_its_affair() -> None:
    order = Order(began=1000.0)
    assert not order.accepts(Parcel("a", [], 7, 1000.0 - BEFORE_SECONDS - 1))
    assert order.accepts(Parcel("a", [], 7, 1000.0 - BEFORE_SECONDS + 1))


def test_a_version_that_does_not_count_is_heard_during_an_upgrade() -> None:
    order = Order(began=1000.0)
    old = unpack(b'["old",[["p","p_a",true]]]')
    assert old is not None
    assert order.accepts(old)
    assert order.accepts(old)
    assert order.accepts(Parcel("new", [], 1, 1000.0))
    assert not order.accepts(Parcel("new", [], 0, 0.0))


def _moved(kind: str, seq: int) -> ReceiptMoved:
    at = datetime.now(UTC)
    return ReceiptMoved(CHAT, "p_xyz789", kind, seq, None, at)  # type: ignore[arg-type]


@given(st.lists(st.tuples(st.sampled_from(["delivered", "read"]), st.integers(1, 9)), max_size=30))
def test_no_order_of_arrival_sets_a_horizon_back(arrive: list[tuple[str, int]]) -> None:
    board = HorizonBoard()
    delivered = read = 0
    for kind, seq in arrive:
        if not board.advances(_moved(kind, seq)):
            assert seq < (read if kind == "read" else delivered)
            continue
        assert seq >= (read if kind == "read" else delivered)
        delivered = max(delivered, seq)
        read = seq if kind == "read" else read


def test_what_a_resume_has_told_is_not_taken_back() -> None:
    board = HorizonBoard()
    board.note(CHAT, Receipts(therapist=Horizons(0, 0), patient=Horizons(7, 5)))
    assert not board.advances(_moved("delivered", 6))
    assert not board.advances(_moved("read", 4))
    assert board.advances(_moved("read", 6))
    board.forget(CHAT)
    assert board.advances(_moved("read", 1))


def test_a_sealed_parcel_opens_with_its_ring_and_only_whole() -> None:
    ring = ParcelSeal(KeyRing({1: ONE}))
    sealed = ring.seal(b"parcel")
    assert b"parcel" not in sealed
    assert ring.seal(b"parcel") != sealed
    assert ring.open(sealed) == b"parcel"
    for at in range(len(sealed)):
        altered = bytearray(sealed)
        altered[at] ^= 1
        assert ring.open(bytes(altered)) is None
        assert ring.open(sealed[:at]) is None
    assert ParcelSeal(KeyRing({1: TWO})).open(sealed) is None


@pytest.mark.parametrize("ring", [{1: ONE}, {1: ONE, 2: TWO}])
def test_while_a_ring_grows_old_and_new_understand_each_other(ring: dict[int, bytes]) -> None:
    before, after = KeyRing({1: ONE}), KeyRing(ring)
    assert channel_of(before) == channel_of(after)
    assert ParcelSeal(before).open(ParcelSeal(after).seal(b"x")) == b"x"
    assert ParcelSeal(after).open(ParcelSeal(before).seal(b"x")) == b"x"
    assert channel_of(KeyRing({2: TWO})) != channel_of(before)
