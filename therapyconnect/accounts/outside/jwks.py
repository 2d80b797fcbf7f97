"""Keys out of a JSON Web Key Set (RFC 7517): public ones, for the algorithms that we allow.

The result is looked up by `(kid, algorithm)`. A key stands there only under algorithms that fit
its own type, so a token can't have an RSA key read as a shared secret or as another curve: there
is no such entry.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import Algorithm, ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from therapyconnect.core.rest.parsers import parse_json

MAX_KEYS: Final = 100
MAX_KID_LENGTH: Final = 256
MIN_RSA_BITS: Final = 2048
MAX_RSA_BITS: Final = 8192
MAX_RSA_EXPONENT: Final = 2**32

_FAMILIES: Final[dict[tuple[str, str | None], tuple[str, ...]]] = {
    ("RSA", None): ("RS256", "RS384", "RS512", "PS256"),
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("OKP", "Ed25519"): ("EdDSA",),
}
_PUBLIC: Final = {"RSA": ("kty", "n", "e"), "EC": ("kty", "crv", "x", "y")}
_READERS: Final[dict[str, Any]] = {"RSA": RSAAlgorithm, "EC": ECAlgorithm, "OKP": OKPAlgorithm}


class VerificationKey:
    """A public key together with the one algorithm that it may be used with here."""

    __slots__ = ("_algorithm", "_key")

    def __init__(self, algorithm: Algorithm, key: Any) -> None:
        self._algorithm = algorithm
        self._key = key

    def signed(self, message: bytes, signature: bytes) -> bool:
        """True where `signature` over `message` was made with the private half."""
        return self._algorithm.verify(message, self._key, signature)


Keys = dict[tuple[str, str], VerificationKey]


def parse_keys(raw: bytes, algorithms: Iterable[str]) -> Keys:
    """The usable keys of a set; `ValueError` where it is none.

    Keys of other kinds and uses are passed over, as RFC 7517 wants it: a set may hold them.
    """
    document = parse_json(raw)
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise ValueError("no key set")
    allowed = frozenset(algorithms)
    keys: Keys = {}
    for entry in entries[:MAX_KEYS]:
        if not isinstance(entry, dict):
            continue
        names = _algorithms_of(entry) & allowed
        key = _public_key(entry) if names else None
        if key is not None:
            for name in names:
                # Of two keys under one name the first counts, always.
                keys.setdefault(
                    (entry["kid"], name), VerificationKey(jwt.get_algorithm_by_name(name), key)
                )
    return keys


def _algorithms_of(entry: dict[str, Any]) -> frozenset[str]:
    """What `entry` may verify, by its type and by what it says of itself."""
    kid, kind, curve = entry.get("kid"), entry.get("kty"), entry.get("crv")
    operations = entry.get("key_ops", ["verify"])
    if (
        not isinstance(kid, str)
        or not 0 < len(kid) <= MAX_KID_LENGTH
        or not isinstance(kind, str)
        or not isinstance(curve, str | None)
        or entry.get("use", "sig") != "sig"
        or not isinstance(operations, list)
        or "verify" not in operations
        or "d" in entry  # a private key that was published is anybody's
    ):
        return frozenset()
    fitting = frozenset(_FAMILIES.get((kind, curve), ()))
    said = entry.get("alg")
    return fitting if said is None else frozenset(name for name in fitting if name == said)


def _public_key(entry: dict[str, Any]) -> Any:
    kind = entry["kty"]
    public = {name: entry.get(name) for name in _PUBLIC.get(kind, ("kty", "crv", "x"))}
    if not all(isinstance(value, str) for value in public.values()):
        return None
    try:
        key = _READERS[kind].from_jwk(public)
    except (jwt.InvalidKeyError, UnsupportedAlgorithm, ValueError, TypeError, OverflowError):
        return None
    if isinstance(key, RSAPublicKey) and not (
        MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS and key.public_numbers().e < MAX_RSA_EXPONENT
    ):
        return None
    return key
