"""What nodes tell each other: nothing is cut in two, and a sum tells whether a list is whole."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from therapyconnect.realtime import nodes, notes, parcels

USERS = st.sets(st.from_regex(r"p_[a-z0-9]{3,8}", fullmatch=True), max_size=400)
EVENTS = st.lists(
    st.builds(notes.EventNote, st.sampled_from(["CHAT_a", "CHAT_b", "CHAT_c"]), st.integers(1, 99))
)


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
