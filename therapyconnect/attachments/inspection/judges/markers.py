"""Bytes that something might run: what polyglots need, and honest files have no use for."""

from __future__ import annotations

import re
from typing import Final


def _any_case(word: str) -> bytes:
    """As a pattern. Not the flag: a literal first byte lets the search skip through pixels."""
    return "".join(f"[{c}{c.upper()}]" if c.isalpha() else re.escape(c) for c in word).encode()


_TAGS: Final = b"|".join(map(_any_case, ("script", "iframe", "object", "embed", "applet")))

# Each is long enough that compressed data does not have it by chance: 50 MiB of noise hold the
# shortest once in some ten thousand files.
ACTIVE: Final = re.compile(
    b"<(?:"
    + (b"(?:" + _TAGS + rb")[\s>/]")
    + (b"|" + _any_case("html") + rb"[\s>]")
    + (b"|" + _any_case("svg") + rb"\s+[a-zA-Z]{3}")
    + (b"|" + _any_case("!doctype") + rb"\s")
    + (b"|" + _any_case("?php") + rb"\s")
    + b")"
)
SCHEMES: Final = re.compile(
    b"|".join(map(_any_case, ("javascript:", "vbscript:", "data:text/html")))
)

# What a browser or a shell goes by at the very start, white space aside.
OPENINGS: Final = re.compile(
    rb"\s*(?:#!|%!PS|\{\\rtf|<[!?]|</?[a-zA-Z]|@echo\b|REGEDIT4|Windows Registry Editor"
    rb"|\[(?:InternetShortcut|Desktop Entry|autorun|\{000214A0)|MIME-Version:|On Error Resume Next"
    rb")",
    re.IGNORECASE,
)
MARGIN: Final = 32
"""Bytes that two pieces of a file must share, so that no marker falls between them."""


def is_active(data: bytes) -> bool:
    return ACTIVE.search(data) is not None or SCHEMES.search(data) is not None
