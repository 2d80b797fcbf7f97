"""A sealed value opens in its own place, with its own keys, unaltered; else nothing comes out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from therapyconnect.vault import box, datakeys, nonces
from therapyconnect.vault.cipher import Cipher
from therapyconnect.vault.datakeys import CipherStore
from therapyconnect.vault.errors import SealBroken, VaultError
from therapyconnect.vault.keyring import KeyRing, create_ring_file, ring_from_file, ring_from_text

KEY, OTHER = b"k" * 32, b"o" * 32
PLACE = {"table": "messaging_message", "column": "text", "row": "7.1"}


@given(st.binary())
def test_what_is_sealed_opens(value: bytes) -> None:
    cipher = Cipher("CHAT_t_aaa_p_bbb", {1: KEY})
    sealed = cipher.seal(value, **PLACE)
    assert cipher.open(sealed, **PLACE) == value
    assert len(value) < 8 or value not in sealed


@given(st.binary(min_size=1), st.data())
def test_any_flipped_bit_is_found(value: bytes, data: st.DataObject) -> None:
    cipher = Cipher("CHAT_t_aaa_p_bbb", {1: KEY})
    sealed = bytearray(cipher.seal(value, **PLACE))
    at = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[at // 8] ^= 1 << (at % 8)
    with pytest.raises(SealBroken):
        cipher.open(bytes(sealed), **PLACE)


@pytest.mark.parametrize(
    ("scope", "place"),
    [
        ("CHAT_t_aaa_p_ccc", PLACE),
        ("CHAT_t_aaa_p_bbb", {**PLACE, "row": "8.1"}),
        ("CHAT_t_aaa_p_bbb", {**PLACE, "row": "7.2"}),
        ("CHAT_t_aaa_p_bbb", {**PLACE, "column": "payload"}),
        ("CHAT_t_aaa_p_bbb", {**PLACE, "table": "messaging_chatroom"}),
    ],
)
def test_it_opens_nowhere_else(scope: str, place: dict[str, str]) -> None:
    sealed = Cipher("CHAT_t_aaa_p_bbb", {1: KEY}).seal(b"words", **PLACE)
    with pytest.raises(SealBroken):
        Cipher(scope, {1: KEY}).open(sealed, **place)


def test_older_versions_open_and_the_newest_seals() -> None:
    old = Cipher("c", {1: KEY})
    both = Cipher("c", {1: KEY, 2: OTHER})
    assert both.open(old.seal(b"words", **PLACE), **PLACE) == b"words"
    assert both.seal(b"words", **PLACE)[1:3] == b"\x00\x02"
    with pytest.raises(SealBroken):
        old.open(both.seal(b"words", **PLACE), **PLACE)


def test_text_put_in_unsealed_is_refused() -> None:
    with pytest.raises(SealBroken):
        Cipher("c", {1: KEY}).open(b"plain words of a length that could be sealed", **PLACE)


def test_a_fingerprint_needs_the_key() -> None:
    cipher = Cipher("c", {1: KEY})
    mark = cipher.fingerprint(b"body")
    assert cipher.matches(mark, b"body")
    assert not cipher.matches(mark, b"other")
    assert Cipher("c", {1: OTHER}).fingerprint(b"body") != mark


def test_nonces_never_repeat_and_a_fork_draws_its_own() -> None:
    drawn = [nonces.nonce() for _ in range(5_000)]
    assert len(set(drawn)) == len(drawn)
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writing, b"".join(nonces.nonce() for _ in range(300)))
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reading, 300 * 12)
    ours = {nonces.nonce() for _ in range(300)}
    assert not ours & {theirs[at : at + 12] for at in range(0, len(theirs), 12)}


def test_data_keys_open_only_for_their_chat_and_ring() -> None:
    ring = KeyRing({1: KEY})
    row = datakeys.new_data_key(ring, "CHAT_t_aaa_p_bbb")
    store = CipherStore(ring)
    store.add([row])
    assert store.get("CHAT_t_aaa_p_bbb") is not None
    with pytest.raises(VaultError):
        CipherStore(ring).add([("CHAT_t_aaa_p_ccc", *row[1:])])
    with pytest.raises(VaultError):
        CipherStore(KeyRing({1: OTHER})).add([row])
    rotated = KeyRing({1: KEY, 2: OTHER})
    CipherStore(rotated).add([row])


def test_the_store_is_bounded() -> None:
    ring = KeyRing({1: KEY})
    store = CipherStore(ring, limit=3)
    for n in range(10):
        store.add([datakeys.new_data_key(ring, f"CHAT_{n}")])
    assert len(store.missing([f"CHAT_{n}" for n in range(10)])) == 7


def test_boxes_are_bound_to_purpose_and_place() -> None:
    ring = KeyRing({1: KEY})
    sealed = box.seal(ring, "mfa", b"secret", bound="t_abc")
    assert box.unseal(ring, "mfa", sealed, bound="t_abc") == b"secret"
    assert box.unseal(KeyRing({1: KEY, 2: OTHER}), "mfa", sealed, bound="t_abc") == b"secret"
    for purpose, bound in (("session", "t_abc"), ("mfa", "t_abd")):
        with pytest.raises(SealBroken):
            box.unseal(ring, purpose, sealed, bound=bound)


def test_a_ring_file_is_private_and_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "ring.json"
    made = create_ring_file(path)
    assert made.generated
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert create_ring_file(path).keys == made.keys
    path.chmod(0o644)
    with pytest.raises(VaultError, match="chmod 600"):
        ring_from_file(path)


@pytest.mark.parametrize("text", ["", "1", "1:", "1:!!", "x:AAAA", "0:" + "A" * 43 + "=", "1:AAAA"])
def test_a_malformed_ring_is_refused(text: str) -> None:
    with pytest.raises(VaultError):
        ring_from_text(text)
