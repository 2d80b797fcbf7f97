"""Seals what a wire carries: who reads the broker, or writes to it, learns and feigns nothing.

An alert's state is taken from its note: over an open wire, whoever may tell could tell a patient
that somebody has seen their call. PostgreSQL's NOTIFY is open to every role that may connect.

A parcel holds ids and states, never a word; sealed, not even who talks with whom is seen. What the
broker still sees is when how much is told. A parcel that was kept and is told again opens; its
number gives it away (`order.py`).

    format(1) | number of the ring's key(2) | nonce(12) | ciphertext and tag

The key is derived from the ring's oldest one: while a ring with one more key is rolled out, old and
new processes understand each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from therapyconnect.realtime.wire import Take, Wire
from therapyconnect.vault.keyring import KeyRing
from therapyconnect.vault.nonces import NONCE_BYTES, nonce

log = structlog.get_logger("therapyconnect.realtime.sealed")

PURPOSE: Final = "hub.parcels"
CHANNEL_PURPOSE: Final = "hub.channel"
_FORMAT: Final = b"\x01"
_HEAD: Final = 3
_OVERHEAD: Final = _HEAD + NONCE_BYTES + 16


def channel_of(ring: KeyRing) -> str:
    """Where the nodes of this ring meet: several installations may share a broker."""
    return f"therapyconnect:{ring.derive(CHANNEL_PURPOSE, ring.oldest).hex()[:16]}"


class ParcelSeal:
    """Seals with the key of `ring`'s oldest number, and opens what any of its keys sealed."""

    def __init__(self, ring: KeyRing) -> None:
        self._boxes = {number: AESGCM(ring.derive(PURPOSE, number)) for number in ring.keys}
        self._number = ring.oldest

    def seal(self, parcel: bytes) -> bytes:
        head = _FORMAT + self._number.to_bytes(2, "big")
        fresh = nonce()
        return head + fresh + self._boxes[self._number].encrypt(fresh, parcel, head)

    def open(self, sealed: bytes) -> bytes | None:
        """The parcel; None where it is none of ours, or was altered."""
        head, cut = sealed[:_HEAD], _HEAD + NONCE_BYTES
        box = self._boxes.get(int.from_bytes(head[1:], "big"))
        if len(sealed) < _OVERHEAD or head[:1] != _FORMAT or box is None:
            return None
        try:
            return box.decrypt(sealed[_HEAD:cut], sealed[cut:], head)
        except InvalidTag:
            return None


class SealedWire:
    """A `Wire` over another one, which carries sealed parcels only."""

    def __init__(self, wire: Wire, ring: KeyRing) -> None:
        self.most = wire.most - _OVERHEAD
        self._wire = wire
        self._seal = ParcelSeal(ring)
        self._take: Take | None = None
        self._warned = False

    def start(self, take: Take, *, listening: Callable[[], None]) -> None:
        self._take = take
        self._wire.start(self._open, listening=listening)

    def send(self, parcels: Sequence[bytes]) -> None:
        self._wire.send([self._seal.seal(parcel) for parcel in parcels])

    def reconnect(self) -> None:
        self._wire.reconnect()

    async def stop(self) -> None:
        await self._wire.stop()

    def _open(self, sealed: bytes) -> None:
        parcel = self._seal.open(sealed)
        if parcel is not None:
            if self._take is not None:
                self._take(parcel)
        elif not self._warned:  # once: whoever may write to the broker could fill the log
            self._warned = True
            log.warning("hub.seal_broken")
