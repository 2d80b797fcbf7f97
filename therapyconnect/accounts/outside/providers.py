"""Which identity providers are trusted: read once at the start, every mistake named."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from therapyconnect.accounts.tokens import ISSUER

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA")
"""Signatures with a private key only. A shared secret (HS…) would let a reader of it mint."""
DEFAULT_ALGORITHMS: Final = ("RS256", "ES256")
MAX_PROVIDERS: Final = 20

_REQUIRED: Final = ("issuer", "jwks_url", "audience")
_KNOWN: Final = (*_REQUIRED, "user_id_claim", "algorithms")
_MAX_TEXT: Final = 512


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """One trusted issuer. `user_id_claim` names the claim that holds one of our user ids."""

    issuer: str
    jwks_url: str
    audience: str
    user_id_claim: str = "sub"
    algorithms: tuple[str, ...] = DEFAULT_ALGORITHMS


def parse_providers(text: str) -> tuple[IdentityProvider, ...]:
    """The providers in a JSON list; none for empty text.

    `ValueError` with one line for each mistake: an installation never starts with some of them.
    """
    if not text.strip():
        return ()
    try:
        written = json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"identity providers: not JSON ({error})") from None
    if not isinstance(written, list):
        raise ValueError("identity providers: a JSON list of objects is wanted")
    mistakes: list[str] = []
    if len(written) > MAX_PROVIDERS:
        mistakes.append(f"identity providers: at most {MAX_PROVIDERS}")
    found: list[IdentityProvider] = []
    for number, entry in enumerate(written, 1):
        faults = _faults(entry)
        mistakes += [f"identity provider {number}: {fault}" for fault in faults]
        if faults:
            continue
        provider = IdentityProvider(
            **{**entry, "algorithms": tuple(entry.get("algorithms", DEFAULT_ALGORITHMS))}
        )
        if any(provider.issuer == other.issuer for other in found):
            mistakes.append(f"identity provider {number}: issuer is listed twice")
        found.append(provider)
    if mistakes:
        raise ValueError("\n".join(mistakes))
    return tuple(found)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key is there twice")
    return result


def _faults(entry: Any) -> list[str]:
    if not isinstance(entry, dict):
        return ["an object is wanted"]
    faults = [f"{name} is missing" for name in _REQUIRED if name not in entry]
    faults += [f"{name} is not known" for name in entry if name not in _KNOWN]
    for name in (*_REQUIRED, "user_id_claim"):
        if name in entry and not _is_text(entry[name]):
            faults.append(f"{name} is text of 1 to {_MAX_TEXT} ASCII characters without spaces")
    if entry.get("issuer") == ISSUER:
        faults.append(f"issuer {ISSUER} is our own")
    if _is_text(entry.get("jwks_url")) and not _is_key_url(entry["jwks_url"]):
        faults.append("jwks_url is an https address (http only to this machine itself)")
    return faults + _algorithm_faults(entry.get("algorithms", list(DEFAULT_ALGORITHMS)))


def _algorithm_faults(algorithms: Any) -> list[str]:
    if not isinstance(algorithms, list) or not algorithms:
        return ["algorithms is a list of at least one"]
    faults = [
        f"algorithm {name} is not one of {', '.join(ALGORITHMS)}"
        for name in algorithms
        if name not in ALGORITHMS
    ]
    if not faults and len(set(algorithms)) != len(algorithms):
        faults.append("an algorithm is listed twice")
    return faults


def _is_text(value: Any) -> bool:
    return (
        isinstance(value, str)
        and 0 < len(value) <= _MAX_TEXT
        and all("!" <= character <= "~" for character in value)
    )


def _is_key_url(value: str) -> bool:
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return False
    if not parts.hostname or "@" in parts.netloc or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts))


def _is_loopback(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
