"""What a person in crisis is shown: the entries of their region, the emergency number first."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from django.conf import settings
from django.core.checks import CheckMessage, Error

from therapyconnect.crisis.table import NEUTRAL, Entry, TableError, load_table

_ORDER = {"emergency": 0, "line": 1, "directory": 2}


class CrisisResource(msgspec.Struct, frozen=True):
    """One service to turn to. `text` says how to write to it; `region` is "" where neutral."""

    name: str
    phone: str | None
    text: str | None
    url: str | None
    region: str
    hours: str | None


def resources_for(region: str, language: str = "en") -> list[CrisisResource]:
    """The services for `region` (ISO 3166-1 or 3166-2), those that speak `language` first.

    A subdivision has its country's too, after its own. A country without a line of its own gets
    the neutral directories behind its emergency number; an unknown one gets neutral entries only,
    and no number.
    """
    wanted = region.upper()
    return _chosen(wanted if wanted in _by_region() else wanted[:2], language.lower()[:3])


def check_table(**_options: Any) -> list[CheckMessage]:
    """Django's check at start: an operator's file with a fault stops the server, in one line."""
    try:
        table()
    except TableError as error:
        return [Error(f"THERAPYCONNECT_CRISIS_FILE: {error}", id="crisis.E001")]
    return []


@cache
def table() -> list[Entry]:
    """Every entry; read from the files once."""
    return load_table(settings.THERAPYCONNECT["CRISIS_FILE"])


@cache
def _by_region() -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for entry in table():
        found.setdefault(entry.region, []).append(entry)
    return found


def _chosen(region: str, language: str) -> list[CrisisResource]:
    spoken = language.split("-")[0]
    entries = list(_by_region().get(region, []) if region else [])
    if len(region) > 2:
        entries += _by_region().get(region[:2], [])
    if not entries:
        entries = list(_by_region()[NEUTRAL])
    elif all(entry.kind == "emergency" for entry in entries):
        entries += [e for e in _by_region()[NEUTRAL] if e.kind == "directory"]
    # Stable: within a kind and a language the file's order stays, a subdivision's entries first.
    entries.sort(key=lambda e: (_ORDER[e.kind], bool(e.languages) and spoken not in e.languages))
    return [_shown(entry, spoken) for entry in entries]


def _shown(entry: Entry, language: str) -> CrisisResource:
    return CrisisResource(
        name=entry.names.get(language, entry.name),
        phone=entry.phone,
        text=entry.text,
        url=entry.url,
        region=entry.region,
        hours=entry.hours,
    )
