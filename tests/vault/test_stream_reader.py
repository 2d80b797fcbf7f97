"""Any part of a sealed stream reads as it was sealed, or not at all; one chat's key opens it."""

from __future__ import annotations

import io
import secrets

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from therapyconnect.vault import sealed_stream
from therapyconnect.vault.cipher import Cipher
from therapyconnect.vault.errors import KeyMissing, SealBroken, VaultError
from therapyconnect.vault.sealed_stream import StreamReader, seal_stream, sealed_size

CHUNK = 64
SEALED = CHUNK + 16
HEAD = 9 + 4 + 32 + 4
KEYS = {1: secrets.token_bytes(32), 2: secrets.token_bytes(32)}
CHAT = Cipher("CHAT_t_one_p_one", KEYS)
PATIENT = settings(deadline=None, max_examples=80)


@pytest.fixture(autouse=True, scope="module")
def _small_chunks() -> object:
    patch = pytest.MonkeyPatch()
    patch.setattr(sealed_stream, "CHUNK_BYTES", CHUNK)
    yield
    patch.undo()


def sealed(data: bytes, *, keys: Cipher = CHAT, context: bytes = b"here") -> bytes:
    out = io.BytesIO()
    seal_stream(io.BytesIO(data), out, keys, purpose="attachment", context=context)
    return out.getvalue()


def reader(
    stream: bytes, size: int, *, keys: Cipher = CHAT, context: bytes = b"here"
) -> StreamReader:
    return StreamReader(io.BytesIO(stream), keys, size=size, purpose="attachment", context=context)


def read(stream: bytes, size: int, start: int = 0, stop: int | None = None, **how: object) -> bytes:
    opened = reader(stream, size, **how)  # type: ignore[arg-type]
    return b"".join(opened.pieces(start, size if stop is None else stop))


contents = (st.integers(0, 5 * CHUNK) | st.integers(0, 5).map(lambda n: n * CHUNK)).flatmap(
    lambda n: st.binary(min_size=n, max_size=n)
)


@PATIENT
@given(contents, st.data())
def test_every_range_reads_as_it_was_sealed(data: bytes, draw: st.DataObject) -> None:
    stream = sealed(data)
    assert len(stream) == sealed_size(len(data))
    start = draw.draw(st.integers(0, len(data)))
    stop = draw.draw(st.integers(start, len(data)))
    assert read(stream, len(data), start, stop) == data[start:stop]
    assert read(stream, len(data)) == data


@PATIENT
@given(contents, st.data())
def test_a_flipped_bit_is_found_where_it_is_read(data: bytes, draw: st.DataObject) -> None:
    stream = bytearray(sealed(data))
    at = draw.draw(st.integers(0, len(stream) - 1))
    stream[at] ^= 1 << draw.draw(st.integers(0, 7))
    touched = max(0, at - HEAD) // SEALED
    start, stop = touched * CHUNK, min(len(data), (touched + 1) * CHUNK)
    if start == stop:  # an empty last chunk, which nobody reads
        return
    with pytest.raises(VaultError):
        read(bytes(stream), len(data), start, stop)
    for other in range(-(-len(data) // CHUNK)):
        if at >= HEAD and other != touched:
            begin, end = other * CHUNK, min(len(data), (other + 1) * CHUNK)
            assert read(bytes(stream), len(data), begin, end) == data[begin:end]


@PATIENT
@given(contents, st.data())
def test_what_is_cut_or_longer_does_not_open_for_any_range(
    data: bytes, draw: st.DataObject
) -> None:
    stream = sealed(data)
    cut = draw.draw(st.integers(0, len(stream) - 1))
    for wrong in (stream[:cut], stream + b"x", stream + stream[-SEALED:]):
        with pytest.raises(SealBroken):
            reader(wrong, len(data))
    for chunks in range(1, len(data) // CHUNK):
        # Cut at the end of a chunk, and said to be that long: its new last one was not the last.
        shorter = chunks * CHUNK
        with pytest.raises(SealBroken):
            read(stream[: HEAD + chunks * SEALED], shorter, shorter - 1, shorter)


def test_swapped_chunks_and_streams_are_found_out() -> None:
    data = secrets.token_bytes(4 * CHUNK)
    one, other = sealed(data), sealed(data)
    chunks = [one[HEAD + at * SEALED : HEAD + (at + 1) * SEALED] for at in range(4)]
    swapped = one[:HEAD] + b"".join((chunks[1], chunks[0], chunks[2], chunks[3]))
    for at in (0, 1):
        with pytest.raises(SealBroken):
            read(swapped, len(data), at * CHUNK, at * CHUNK + 1)
    assert read(swapped, len(data), 2 * CHUNK) == data[2 * CHUNK :]
    with pytest.raises(SealBroken):
        read(one[:HEAD] + other[HEAD:], len(data))


def test_it_opens_in_its_place_and_with_its_chats_key_only() -> None:
    stream = sealed(b"words")
    with pytest.raises(SealBroken):
        read(stream, 5, context=b"there")
    with pytest.raises(SealBroken):
        read(stream, 5, keys=Cipher(CHAT.scope, {2: secrets.token_bytes(32)}))
    with pytest.raises(KeyMissing):
        read(stream, 5, keys=Cipher(CHAT.scope, {1: KEYS[1]}))
    older = sealed(b"words", keys=Cipher(CHAT.scope, {1: KEYS[1]}))
    assert read(older, 5) == b"words"
