"""From the secret that a client holds to the key that the database holds.

The two can't be taken for each other: a secret begins with `tcs_` and is hashed before anything
is looked up; a digest is 40 hexadecimal digits and is never read from a client unsigned.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import Final

from therapyconnect.accounts.keys import key_ring

DIGEST_LENGTH: Final = 40
_SECRET = re.compile(r"tcs_[A-Za-z0-9_-]{43}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{40}", re.ASCII)


def new_secret() -> str:
    """A fresh session secret: 256 random bits."""
    return f"tcs_{secrets.token_urlsafe(32)}"


def is_secret(value: str) -> bool:
    return _SECRET.fullmatch(value) is not None


def is_digest(value: str) -> bool:
    return _DIGEST.fullmatch(value) is not None


def digest_of(secret: str) -> str:
    """The key of the session that `secret` opens: 160 bits of HMAC-SHA256.

    Keyed with the ring's oldest key, so that a rotation of the ring ends no session; removing
    that key from the ring ends them all.
    """
    ring = key_ring()
    key = ring.derive("session.digest", ring.oldest)
    return hmac.digest(key, secret.encode(), hashlib.sha256).hex()[:DIGEST_LENGTH]
