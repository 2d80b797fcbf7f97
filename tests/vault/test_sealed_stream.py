"""A sealed stream opens as it was sealed, or not at all from the first bad chunk on."""

from __future__ import annotations

import io
import secrets

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from therapyconnect.vault import sealed_stream
from therapyconnect.vault.errors import KeyMissing, SealBroken, VaultError
from therapyconnect.vault.keyring import KeyRing
from therapyconnect.vault.sealed_stream import open_stream, read_head, seal_stream

RING = KeyRing({1: secrets.token_bytes(32), 7: secrets.token_bytes(32)})
SMALL = 64
"""Chunks of the tests: the promise does not hang on the size, only the time does."""
SEALED = SMALL + 16
NOTE = b'{"made": "now"}'
PATIENT = settings(deadline=None, max_examples=60)
HEAD = 9 + 4 + 32 + 4 + len(NOTE)


@pytest.fixture(autouse=True, scope="module")
def _small_chunks() -> object:
    patch = pytest.MonkeyPatch()
    patch.setattr(sealed_stream, "CHUNK_BYTES", SMALL)
    yield
    patch.undo()


class Dribble(io.BytesIO):
    """Gives less than it is asked for, as a pipe does."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 0, 7))


def sealed(
    data: bytes, *, ring: KeyRing = RING, context: bytes = b"place", note: bytes = NOTE
) -> bytes:
    out = io.BytesIO()
    seal_stream(Dribble(data), out, ring, purpose="test", context=context, note=note)
    return out.getvalue()


def opened(
    data: bytes, *, ring: KeyRing = RING, context: bytes = b"place", purpose: str = "test"
) -> bytes:
    out = io.BytesIO()
    assert open_stream(Dribble(data), out, ring, purpose=purpose, context=context).note == NOTE
    return out.getvalue()


def refused(altered: bytes, data: bytes, *, good_chunks: int, **how: object) -> None:
    """It does not open, and no more of it came out than the chunks before the bad one."""
    out = io.BytesIO()
    how = {"ring": RING, "purpose": "test", "context": b"place", **how}
    ring = how.pop("ring")
    with pytest.raises(SealBroken):
        open_stream(io.BytesIO(altered), out, ring, **how)  # type: ignore[arg-type]
    assert out.getvalue() == data[: len(out.getvalue())]
    assert len(out.getvalue()) <= good_chunks * SMALL


lengths = st.integers(0, 5 * SMALL) | st.integers(0, 5).map(lambda n: n * SMALL)
contents = lengths.flatmap(lambda n: st.binary(min_size=n, max_size=n))
long_contents = st.integers(2 * SMALL, 5 * SMALL).flatmap(
    lambda n: st.binary(min_size=n, max_size=n)
)


@PATIENT
@given(contents)
@example(b"")
@example(b"x" * SMALL)
@example(b"x" * 3 * SMALL)
def test_what_was_sealed_comes_out(data: bytes) -> None:
    stream = sealed(data)
    assert opened(stream) == data
    chunks = max(1, -(-len(data) // SMALL))
    assert len(stream) == HEAD + len(data) + 16 * chunks


@PATIENT
@given(contents, st.data())
def test_every_truncation_is_found_out(data: bytes, draw: st.DataObject) -> None:
    stream = sealed(data)
    cut = draw.draw(st.integers(0, len(stream) - 1))
    refused(stream[:cut], data, good_chunks=max(0, (cut - HEAD - 1) // SEALED))


@PATIENT
@given(contents)
def test_every_cut_at_the_end_of_a_chunk_is_found_out(data: bytes) -> None:
    stream = sealed(data)
    for chunks in range(-(-(len(stream) - HEAD) // SEALED)):
        refused(stream[: HEAD + chunks * SEALED], data, good_chunks=max(0, chunks - 1))


@PATIENT
@given(contents, st.binary(min_size=1, max_size=2 * SEALED))
def test_what_is_appended_is_found_out(data: bytes, more: bytes) -> None:
    stream = sealed(data)
    refused(stream + more, data, good_chunks=(len(stream) - HEAD) // SEALED)


@PATIENT
@given(contents, st.data())
def test_every_flipped_bit_is_found_out(data: bytes, draw: st.DataObject) -> None:
    stream = bytearray(sealed(data))
    at = draw.draw(st.integers(0, len(stream) - 1))
    stream[at] ^= 1 << draw.draw(st.integers(0, 7))
    if 9 <= at < 13:  # the number of the key: one that is not there, or another
        with pytest.raises(VaultError):
            opened(bytes(stream))
    else:
        refused(bytes(stream), data, good_chunks=max(0, at - HEAD) // SEALED)


def test_each_bit_of_one_stream() -> None:
    data = secrets.token_bytes(SMALL + 5)
    stream = sealed(data)
    for bit in range(8 * len(stream)):
        altered = bytearray(stream)
        altered[bit // 8] ^= 1 << bit % 8
        with pytest.raises(VaultError):
            opened(bytes(altered))


@PATIENT
@given(long_contents, st.data())
def test_swapped_doubled_and_left_out_chunks_are_found_out(
    data: bytes, draw: st.DataObject
) -> None:
    stream = sealed(data)
    body = stream[HEAD:]
    chunks = [body[at : at + SEALED] for at in range(0, len(body), SEALED)]
    one, other = sorted(
        draw.draw(st.lists(st.integers(0, len(chunks) - 1), min_size=2, max_size=2, unique=True))
    )
    swapped = list(chunks)
    swapped[one], swapped[other] = swapped[other], swapped[one]
    for wrong in (
        swapped,
        chunks[:one] + chunks[one + 1 :],
        chunks[:one] + chunks[one : one + 1] + chunks[one:],
    ):
        refused(stream[:HEAD] + b"".join(wrong), data, good_chunks=one + 1)


@PATIENT
@given(long_contents)
def test_a_chunk_of_another_stream_is_found_out(data: bytes) -> None:
    """Also one of the same content, place and keys."""
    one, other = sealed(data), sealed(data)
    assert one[HEAD:] != other[HEAD:]
    cut = HEAD + SEALED
    refused(one[:cut] + other[cut:], data, good_chunks=1)
    refused(one[:HEAD] + other[HEAD:], data, good_chunks=0)


def test_it_opens_in_its_place_only() -> None:
    data = b"words"
    refused(sealed(data), data, good_chunks=0, context=b"another place")
    refused(sealed(data), data, good_chunks=0, purpose="other")
    same_number = KeyRing({1: RING.keys[1], 7: secrets.token_bytes(32)})
    refused(sealed(data), data, good_chunks=0, ring=same_number)


def test_an_older_key_still_opens_and_a_missing_one_is_named() -> None:
    old = KeyRing({1: RING.keys[1]})
    assert opened(sealed(b"words", ring=old)) == b"words"
    with pytest.raises(KeyMissing, match="7"):
        opened(sealed(b"words"), ring=old)
    assert read_head(io.BytesIO(sealed(b"words"))).key_number == 7


def test_a_source_that_breaks_leaves_nothing_that_opens() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(size)
            if not data:
                raise OSError("the other end failed")
            return data

    for length in (0, SMALL - 1, SMALL, 3 * SMALL):
        data, out = b"x" * length, io.BytesIO()
        with pytest.raises(OSError, match="failed"):
            seal_stream(Broken(data), out, RING, purpose="test", context=b"place", note=NOTE)
        refused(out.getvalue(), data, good_chunks=length // SMALL)
