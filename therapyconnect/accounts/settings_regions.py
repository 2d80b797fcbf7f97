"""Languages, regions and time zones: which exist, and the one spelling in which they are kept."""

from __future__ import annotations

import re
import zoneinfo
from functools import cache
from typing import Final

# ISO 3166-1 alpha-2, all that are officially assigned.
_CODES: Final = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS
BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE
EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM
HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC
LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA
NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW
SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO
TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
"""
COUNTRIES: Final = frozenset(_CODES.split())
MAX_LANGUAGE: Final = 35
"""Characters; the length that BCP 47 asks every reader to allow for (RFC 5646, 4.4.1)."""

_REGION = re.compile(r"([A-Z]{2})(-[A-Z0-9]{1,3})?")
# RFC 5646, 2.1, without the tags that only a list could tell ("grandfathered").
_LANGUAGE = re.compile(
    r"(?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4,8})"
    r"(?P<script>-[a-z]{4})?"
    r"(?P<region>-(?:[a-z]{2}|[0-9]{3}))?"
    r"(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*"
    r"(?:-[0-9a-wy-z](?:-[a-z0-9]{2,8})+)*"
    r"(?:-x(?:-[a-z0-9]{1,8})+)?"
)
# Files of a machine's own that are no zone of the IANA's.
_NOT_ZONES: Final = frozenset({"localtime", "posixrules", "Factory"})


def normal_language(tag: str) -> str | None:
    """A well-formed BCP 47 tag in its usual spelling (`de-CH`, `zh-Hant`), or None."""
    lower = tag.lower()
    match = _LANGUAGE.fullmatch(lower) if tag.isascii() and len(tag) <= MAX_LANGUAGE else None
    if match is None:
        return None
    for name, spell in (("script", str.title), ("region", str.upper)):
        start, end = match.span(name)
        if start >= 0:
            lower = lower[:start] + spell(lower[start:end]) + lower[end:]
    return lower


def normal_region(code: str) -> str | None:
    """`CH`, `CA-BC` in capitals, "" for unknown, or None where no such country exists.

    Of a subdivision only the shape is known here.
    """
    if code == "":
        return ""
    match = _REGION.fullmatch(code.upper()) if code.isascii() else None
    return match[0] if match is not None and match[1] in COUNTRIES else None


def is_time_zone(name: str) -> bool:
    """True for a name of the IANA's time zone database, spelled as it is there."""
    return name in _zones()


@cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones()) - _NOT_ZONES
