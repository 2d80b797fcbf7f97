"""The judgement over a token of an outside provider: everything must be said, and be right.

The header is read once, strictly, and only to pick a key out of the provider's own set: what it
brings along or points to (`jwk`, `jku`, `x5u`, `x5c`) is refused, as is what would change how the
token is to be read (`crit`, `b64`, `zip`, `enc`).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import time
from typing import Any, Final, TypeGuard

import structlog

from therapyconnect.accounts.outside.jwks import MAX_KID_LENGTH
from therapyconnect.accounts.outside.keysource import KeySource
from therapyconnect.accounts.outside.providers import IdentityProvider
from therapyconnect.accounts.tokens import OUTSIDE, AccessClaims
from therapyconnect.core.errors import Unauthenticated
from therapyconnect.core.ids import is_user_id, role_of
from therapyconnect.core.rest.parsers import parse_json

log = structlog.get_logger("therapyconnect.accounts.outside")

MAX_TOKEN_LENGTH: Final = 8 * 1024
MAX_LIFETIME_SECONDS: Final = 24 * 3600
LEEWAY_SECONDS: Final = 30
"""By so much a provider's clock may be ahead. Not given to `exp`: late is late."""

_SHAPE: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_TYPES: Final = frozenset({"jwt", "at+jwt", "application/at+jwt"})
_REFUSED_HEADERS: Final = frozenset({"jwk", "jku", "x5u", "x5c", "crit", "b64", "zip", "enc"})


class _Refused(Exception):
    """Why, in a fixed word or two: for the log only, the caller hears one answer for all."""


def verify_outside(provider: IdentityProvider, keys: KeySource, token: str) -> AccessClaims:
    """Whom a token of `provider` names.

    `Unauthenticated`, the same for every fault; `Unavailable` where its keys can't be had. Blocks
    for up to three seconds. Says nothing about the user: ask `principal_of` whether they are
    active.
    """
    try:
        return _judge(provider, keys, token)
    except _Refused as refused:
        log.info("accounts.outside_token_refused", issuer=provider.issuer, reason=str(refused))
        raise Unauthenticated() from None


def unverified_issuer(token: str) -> str | None:
    """Who a token claims to be from; a hint to choose its judge by, and nothing else."""
    match = _SHAPE.fullmatch(token) if len(token) <= MAX_TOKEN_LENGTH else None
    if match is None:
        return None
    try:
        issuer = _object(match[2], "payload").get("iss")
    except _Refused:
        return None
    return issuer if isinstance(issuer, str) else None


def outside_session_id(issuer: str, user_id: str) -> str:
    """What stands for a session that is not ours: the same issuer and person, the same name."""
    digest = hashlib.sha256(f"{issuer}\n{user_id}".encode()).hexdigest()
    return f"{OUTSIDE}{digest[:40]}"


def _judge(provider: IdentityProvider, keys: KeySource, token: str) -> AccessClaims:
    match = _SHAPE.fullmatch(token) if len(token) <= MAX_TOKEN_LENGTH else None
    if match is None:
        raise _Refused("shape")
    kid, algorithm = _read_header(_object(match[1], "header"), provider)
    user_id, expires_at = _read_claims(_object(match[2], "payload"), provider)
    key = keys.key_for(kid, algorithm)
    if key is None:
        raise _Refused("no such key")
    if not key.signed(f"{match[1]}.{match[2]}".encode(), _bytes(match[3], "signature")):
        raise _Refused("signature")
    return AccessClaims(user_id, outside_session_id(provider.issuer, user_id), expires_at)


def _read_header(header: dict[str, Any], provider: IdentityProvider) -> tuple[str, str]:
    """The `kid` and `alg` of a header that holds nothing dangerous."""
    kid, algorithm, kind = header.get("kid"), header.get("alg"), header.get("typ", "JWT")
    if not _REFUSED_HEADERS.isdisjoint(header):
        raise _Refused("header")
    # A log-out or security event token is a JWT of the same issuer, and no access token.
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise _Refused("typ")
    if not isinstance(algorithm, str) or algorithm not in provider.algorithms:
        raise _Refused("alg")
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID_LENGTH:
        raise _Refused("kid")
    return kid, algorithm


def _read_claims(claims: dict[str, Any], provider: IdentityProvider) -> tuple[str, int]:
    """The user's id and the end of the token, in seconds since 1970."""
    present = time.time()
    if claims.get("iss") != provider.issuer:
        raise _Refused("iss")
    if not _is_for(claims.get("aud"), provider.audience):
        raise _Refused("aud")
    expires, issued, begins = claims.get("exp"), claims.get("iat"), claims.get("nbf", 0)
    if not (_is_time(expires) and _is_time(issued) and _is_time(begins)):
        raise _Refused("times")
    if not present < expires <= present + MAX_LIFETIME_SECONDS + LEEWAY_SECONDS:
        raise _Refused("exp")
    if issued > present + LEEWAY_SECONDS or begins > present + LEEWAY_SECONDS:
        raise _Refused("not yet")
    if "events" in claims:
        raise _Refused("event")
    user_id = claims.get(provider.user_id_claim)
    if not isinstance(user_id, str) or not is_user_id(user_id) or role_of(user_id) == "admin":
        raise _Refused("user id")
    return user_id, int(expires)


def _is_for(audience: Any, ours: str) -> bool:
    if isinstance(audience, list):
        return all(isinstance(one, str) for one in audience) and ours in audience
    return isinstance(audience, str) and audience == ours


def _is_time(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _object(segment: str, name: str) -> dict[str, Any]:
    try:
        value = parse_json(_bytes(segment, name))
    except ValueError:
        raise _Refused(name) from None
    if not isinstance(value, dict):
        raise _Refused(name)
    return value


def _bytes(segment: str, name: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except (binascii.Error, ValueError):
        raise _Refused(name) from None
