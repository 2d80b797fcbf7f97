"""The two tokens of a session, and how long the first is good."""

from __future__ import annotations

import base64
import binascii
import time

import msgspec


class Tokens(msgspec.Struct, frozen=True):
    """What to keep, to go on without a log-in. As secret as a password: `repr` is silent."""

    access: str
    refresh: str

    def __repr__(self) -> str:
        return "<Tokens>"


class Claims(msgspec.Struct):
    """What a client needs of an access token. Nothing is verified: the server does that."""

    sub: str
    exp: float
    iat: float = 0.0


class Access:
    """An access token with an end on this machine's monotonic clock.

    The server's clock may differ from ours: a token that has just been given lives `exp - iat` from
    now, whatever the clocks say. One that was kept can only be judged by the clock.
    """

    def __init__(self, token: str, *, fresh: bool) -> None:
        self.token = token
        claims = claims_of(token)
        self.user_id = claims.sub
        lifetime = claims.exp - claims.iat
        self._ends = time.monotonic() + (lifetime if fresh else claims.exp - time.time())
        self._margin = min(60.0, 0.3 * lifetime)

    @property
    def seconds_left(self) -> float:
        """Until it should be renewed: well before its end."""
        return self._ends - self._margin - time.monotonic()


def claims_of(token: str) -> Claims:
    """The claims; `ValueError` for what is no token."""
    try:
        payload = token.split(".")[1]
        raw = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        return msgspec.json.decode(raw, type=Claims)
    except (IndexError, binascii.Error, msgspec.DecodeError):
        raise ValueError("not an access token") from None
