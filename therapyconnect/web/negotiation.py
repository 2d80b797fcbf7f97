"""What a request accepts, and what it has already (RFC 9110)."""

from __future__ import annotations

from collections.abc import Iterable


def best_coding(accept_encoding: str, offered: Iterable[str]) -> str:
    """The first of `offered` that is accepted; `identity` where none is, or nothing was said."""
    accepted: set[str] = set()
    refused: set[str] = set()
    for part in accept_encoding.lower().split(","):
        coding, *parameters = (piece.strip() for piece in part.split(";"))
        (refused if _refuses(parameters) else accepted).add(coding)
    for coding in offered:
        if coding in accepted or ("*" in accepted and coding not in refused):
            return coding
    return "identity"


def _refuses(parameters: list[str]) -> bool:
    """Whether a weight of nought is among them."""
    for parameter in parameters:
        name, _, value = (piece.strip() for piece in parameter.partition("="))
        if name == "q" and value and not value.strip("0."):
            return True
    return False


def has_it(if_none_match: str, etag: str) -> bool:
    """Whether one of the versions that the client names is this one."""
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return etag in tags or "*" in tags
