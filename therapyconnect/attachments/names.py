"""The name of a file as a person may be shown it and a download may carry it."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

MAX_CHARACTERS: Final = 120
# A file system takes 255 bytes; this leaves room for what a browser adds ("(1)", ".part").
MAX_BYTES: Final = 200
MAX_EXTENSION: Final = 10
FALLBACK: Final = "file"

_JOINERS: Final = "\u200c\u200d"
"""Zero-width, and yet letters of Persian and Hindi words and the glue of emoji."""
_FORBIDDEN_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
# Windows refuses them; a header or a shell may take them for something else.
_PUNCTUATION: Final = str.maketrans(dict.fromkeys('<>:"|?*', "_"))
_DEVICES: Final = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])[ .]*(\..*)?", re.IGNORECASE | re.DOTALL
)


def clean_name(name: str) -> str:
    """`name` without anything that deceives or breaks out of where it is put.

    One path part, NFC, no control, format, override or unassigned character, no name that Windows
    keeps for a device, at most 120 characters and 200 bytes with the extension kept, never hidden,
    never empty. Cleaning twice changes nothing more. What it promises of the content (`.php.jpg`)
    is the inspection's to judge.
    """
    name = unicodedata.normalize("NFC", name)
    name = re.split(r"[/\\]", name)[-1]
    name = "".join(filter(None, map(_character, name))).translate(_PUNCTUATION)
    name = unicodedata.normalize("NFC", name)
    name = _strip(" ".join(name.split(" ")))
    if _DEVICES.fullmatch(name):
        name = f"_{name}"
    name = _shorten(name)
    return name if name.strip(_JOINERS) else FALLBACK


def extension(name: str) -> str:
    """What stands behind the last dot, in lower case; empty where there is none, or too much."""
    stem, dot, end = name.rpartition(".")
    return end.lower() if dot and stem and 0 < len(end) <= MAX_EXTENSION else ""


def _character(character: str) -> str:
    category = unicodedata.category(character)
    if category[0] == "Z" or character in "\t\n\r\v\f":
        return " "
    if category in _FORBIDDEN_CATEGORIES and character not in _JOINERS:
        return ""
    return character


def _strip(name: str) -> str:
    """Without leading dots (hidden) and trailing ones (dropped by Windows); one blank in a row."""
    return re.sub(" +", " ", name).lstrip(". ").rstrip(". ")


def _shorten(name: str) -> str:
    if len(name) <= MAX_CHARACTERS and len(name.encode()) <= MAX_BYTES:
        return name
    end = extension(name)
    tail = f".{name[-len(end) :]}" if end else ""
    stem = name[: len(name) - len(tail)][: MAX_CHARACTERS - len(tail)]
    room = MAX_BYTES - len(tail.encode())
    stem = stem.encode()[:room].decode(errors="ignore")
    return (_strip(stem) or FALLBACK) + tail
