"""Folding: what a search takes for the same letters.

Case and accents are ignored, so are invisible characters, and any white space is one space: who
looks for "cafe au lait" finds "Café\n au lait".
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final

from therapyconnect.core.errors import Invalid

# Where Unicode keeps what is dropped: the planes between are ideographs, the rest is unassigned.
_PLACES: Final[tuple[Iterable[int], ...]] = (range(0x20000), range(0xE0000, 0xE0200))
_VARIATION_SELECTORS: Final = frozenset((*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))


def fold(text: str) -> str:
    """`text` as it is compared: NFKD, without combining marks and invisibles, case folded.

    Folding twice is folding once.
    """
    if text.isascii():
        return " ".join(text.lower().split())
    dropped = _dropped()
    plain = unicodedata.normalize("NFKD", text).translate(dropped).casefold()
    # Case folding takes some letters apart again, and a mark may come with that.
    return " ".join(unicodedata.normalize("NFKD", plain).translate(dropped).split())


def needle_of(q: str) -> str:
    """What to look for, folded; `Invalid` where nothing is left of it."""
    if "\x00" in q:
        raise Invalid("null_character", "The words hold a NUL character.", "q")
    needle = fold(q)
    if not needle:
        raise Invalid("blank", "Nothing to look for.", "q")
    return needle


@cache
def _dropped() -> Mapping[int, None]:
    """Every combining mark and every character that shows nothing by itself."""
    return dict.fromkeys(
        code
        for place in _PLACES
        for code in place
        if unicodedata.combining(chr(code))
        or unicodedata.category(chr(code)) == "Cf"
        or code in _VARIATION_SELECTORS
    )
