"""Our tokens: one minter and one strict verifier, for REST, sockets and allauth's routes.

A token is a JWT, HS256, signed with a key derived from the key ring; `kid` is the ring's version.
Only we mint them, so a token is accepted only in the very spelling in which we mint: its header
must be one of the few that we write, and its claims must read back to the same bytes. What two
readers could read differently (duplicate keys, other algorithms, embedded or remote keys, numbers
as text, other base64) has no second spelling to hide in. About 13 µs a token.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass
from typing import Final, Literal, NoReturn

import msgspec

from therapyconnect.accounts.digests import is_digest
from therapyconnect.accounts.keys import key_ring
from therapyconnect.core.errors import Unauthenticated
from therapyconnect.core.ids import is_user_id
from therapyconnect.vault.keyring import KeyRing

ISSUER: Final = "therapyconnect"
AUDIENCE: Final = "therapyconnect"
ACCESS_SECONDS: Final = 15 * 60
REFRESH_SECONDS: Final = 14 * 24 * 3600
SET_BACK_SECONDS: Final = 1800
"""How far ahead `iat` and `nbf` may be. Only we sign, and never for later: such a token was minted
before our clock was set back, and to refuse it would log out everybody at once. Its session's row
still decides, and its `exp` has no leeway."""
MAX_TOKEN_LENGTH: Final = 1024
OUTSIDE: Final = "outside:"
"""What the `session_id` of a token from an outside provider begins with; a digest never does."""

Use = Literal["access", "refresh"]
_TYPES: Final[dict[Use, str]] = {"access": "at+jwt", "refresh": "rt+jwt"}


class _Claims(msgspec.Struct, forbid_unknown_fields=True):
    """Every claim, required, in the order in which it is written."""

    iss: str
    aud: str
    sub: str
    sid: str
    jti: str
    iat: int
    nbf: int
    exp: int
    token_use: str


class _Header(msgspec.Struct):
    alg: str
    kid: str
    typ: str


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """Whom a valid access token names; `expires_at` in seconds since 1970.

    `session_id` is that of a session of ours, or begins with `OUTSIDE`.
    """

    user_id: str
    session_id: str
    expires_at: int

    @property
    def outside(self) -> bool:
        """True where an outside identity provider vouches for this, and no session of ours."""
        return self.session_id.startswith(OUTSIDE)


@dataclass(frozen=True, slots=True)
class RefreshClaims:
    user_id: str
    session_id: str
    token_id: str


@dataclass(frozen=True, slots=True)
class _Keys:
    ring: KeyRing
    by_header: dict[str, tuple[Use, bytes]]
    current: dict[Use, tuple[str, bytes]]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Claims).decode
_keys_of_ring: _Keys | None = None


def mint_access(*, user_id: str, session_id: str, lifetime_seconds: int = ACCESS_SECONDS) -> str:
    """An access token of a live session; it is refused the moment the session ends."""
    return _mint("access", user_id, session_id, secrets.token_hex(16), lifetime_seconds)


def mint_refresh(
    *, user_id: str, session_id: str, token_id: str, lifetime_seconds: int = REFRESH_SECONDS
) -> str:
    """A refresh token; `token_id` must be the one that the session's row names."""
    return _mint("refresh", user_id, session_id, token_id, lifetime_seconds)


def verify_access(token: str) -> AccessClaims:
    """The claims of an access token, or `Unauthenticated`, the same for every fault.

    Says nothing about the session: ask `principal_of` whether it is alive.
    """
    claims = _verify("access", token)
    return AccessClaims(claims.sub, claims.sid, claims.exp)


def verify_refresh(token: str) -> RefreshClaims:
    """The claims of a refresh token, or `Unauthenticated`."""
    claims = _verify("refresh", token)
    return RefreshClaims(claims.sub, claims.sid, claims.jti)


def is_ours(token: str) -> bool:
    """True where `token` begins as only ours do. Says nothing about its being valid."""
    return token.partition(".")[0] in _keys().by_header


def bearer_token(header: str | None) -> str | None:
    """The token of an `Authorization` header; None where it holds none of ours to judge.

    `Unauthenticated` for a `Bearer` that is malformed: it must never pass for no header.
    """
    if not header:
        return None
    parts = header.split(" ")
    if parts[0].lower() != "bearer":
        return None
    if len(parts) != 2 or not parts[1]:
        raise Unauthenticated()
    return parts[1]


def _mint(use: Use, user_id: str, session_id: str, token_id: str, lifetime: int) -> str:
    header, key = _keys().current[use]
    issued = int(time.time())
    claims = _Claims(
        ISSUER, AUDIENCE, user_id, session_id, token_id, issued, issued, issued + lifetime, use
    )
    signed = f"{header}.{_b64(_encode(claims))}"
    return f"{signed}.{_signature(key, signed)}"


def _verify(use: Use, token: str) -> _Claims:
    if not isinstance(token, str) or len(token) > MAX_TOKEN_LENGTH or not token.isascii():
        _refuse()
    parts = token.split(".")
    if len(parts) != 3:
        _refuse()
    header, payload, signature = parts
    known = _keys().by_header.get(header)
    if known is None or known[0] != use:
        _refuse()
    if not hmac.compare_digest(signature, _signature(known[1], f"{header}.{payload}")):
        _refuse()
    try:
        claims = _decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (binascii.Error, msgspec.DecodeError, UnicodeDecodeError, ValueError):
        _refuse()
    # One spelling: no duplicate keys, white space, escapes, other number forms, stray bits.
    if _b64(_encode(claims)) != payload:
        _refuse()
    present = time.time()
    if (
        claims.iss != ISSUER
        or claims.aud != AUDIENCE
        or claims.token_use != use
        or not is_user_id(claims.sub)
        or not is_digest(claims.sid)
        or not 0 < len(claims.jti) <= 32
        or claims.exp <= present
        or claims.nbf > present + SET_BACK_SECONDS
        or claims.iat > present + SET_BACK_SECONDS
    ):
        _refuse()
    return claims


def _refuse() -> NoReturn:
    raise Unauthenticated()


def _keys() -> _Keys:
    """The headers that we write, and the key of each: one per ring version and use."""
    global _keys_of_ring
    ring = key_ring()
    known = _keys_of_ring
    if known is None or known.ring is not ring:
        by_header: dict[str, tuple[Use, bytes]] = {}
        current: dict[Use, tuple[str, bytes]] = {}
        for version in ring.keys:
            key = ring.derive("jwt", version)
            for use, kind in _TYPES.items():
                header = _b64(_encode(_Header("HS256", str(version), kind)))
                by_header[header] = (use, key)
                if version == ring.current:
                    current[use] = (header, key)
        known = _keys_of_ring = _Keys(ring, by_header, current)
    return known


def _signature(key: bytes, signed: str) -> str:
    return _b64(hmac.digest(key, signed.encode(), hashlib.sha256))


def _b64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
