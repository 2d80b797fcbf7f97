"""The table of crisis resources, from its file: read strictly, refused with one sentence.

An entry of a second file takes the place of the one with its `id`, or is added; `removed = true`
takes one away.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from therapyconnect.accounts.settings_regions import normal_region

BUILT_IN: Final = Path(__file__).parent / "data" / "resources.toml"
NEUTRAL: Final = ""
"""The region of entries that are right anywhere, and hold no national number."""

Kind = Literal["emergency", "line", "directory"]
Text = Annotated[str, Meta(min_length=1, max_length=200)]
_PHONE = re.compile(r"[+*]?[0-9][0-9 ]{1,24}")
_MONTH = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])")
_LANGUAGE = re.compile(r"[a-z]{2,3}")


class TableError(Exception):
    """A file that can't be used; the sentence names file, entry and fault."""


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One service. `emergency`: ambulance and police; `line`: people who listen; `directory`: a
    site that lists lines.

    `text` says how to write (a number, with the word to send); `languages` are those spoken there;
    `names` the name in other languages; `source` the service's own page or its ministry's;
    `checked` the month in which the entry was last compared with what is published of it, none
    where it never was.
    """

    id: Annotated[str, Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
    region: Annotated[str, Meta(max_length=6)]
    kind: Kind
    name: Text
    phone: Text | None = None
    text: Text | None = None
    url: Text | None = None
    hours: Text | None = None
    languages: list[str] = []
    names: dict[str, Text] = {}
    source: Text | None = None
    checked: str | None = None


class _Removal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    removed: Literal[True]


class _File(msgspec.Struct, forbid_unknown_fields=True):
    """`emergency_names`: what emergency services are called, by language."""

    entries: list[dict[str, object]]
    emergency_names: dict[str, Text] = {}


def load_table(own: Path | None = None) -> list[Entry]:
    """The built-in entries, with an operator's `own` file laid over them; else `TableError`."""
    table = {entry.id: entry for entry in _entries(BUILT_IN) if isinstance(entry, Entry)}
    for change in _entries(own) if own is not None else ():
        if isinstance(change, Entry):
            table[change.id] = change
        elif table.pop(change.id, None) is None:
            raise TableError(f"{own}: entry {change.id}: there is none to remove")
    neutral = [entry for entry in table.values() if entry.region == NEUTRAL]
    if not any(entry.kind == "directory" for entry in neutral):
        raise TableError(f"{own or BUILT_IN}: no directory is left for an unknown region")
    return list(table.values())


def _entries(path: Path) -> list[Entry | _Removal]:
    try:
        with path.open("rb") as file:
            content = msgspec.convert(tomllib.load(file), _File)
    except OSError as error:
        raise TableError(f"{path}: {error.strerror}") from None
    except (ValueError, msgspec.ValidationError) as error:
        raise TableError(f"{path}: {_one_line(error)}") from None
    found: dict[str, Entry | _Removal] = {}
    entry: Entry | _Removal
    for place, fields in enumerate(content.entries, 1):
        about = f"{path}: entry {fields.get('id', f'number {place}')}"
        try:
            if "removed" in fields:
                entry = msgspec.convert(fields, _Removal)
            else:
                entry = msgspec.convert(fields, Entry)
        except msgspec.ValidationError as error:
            raise TableError(f"{about}: {_one_line(error)}") from None
        fault = "is there twice" if entry.id in found else None
        if isinstance(entry, Entry):
            fault = fault or next(_faults(entry), None)
        if fault is not None:
            raise TableError(f"{about}: {fault}")
        if isinstance(entry, Entry) and entry.kind == "emergency" and not entry.names:
            entry = msgspec.structs.replace(entry, names=content.emergency_names)
        found[entry.id] = entry
    return list(found.values())


def _faults(entry: Entry) -> Iterator[str]:
    """What no type tells. A wrong number here is worse than none."""
    if normal_region(entry.region) != entry.region:
        yield "region is not a code of ISO 3166 in capitals"
    if entry.phone is not None and _PHONE.fullmatch(entry.phone) is None:
        yield "phone is digits and spaces, perhaps after + or *"
    if entry.region == NEUTRAL and (entry.phone or entry.text):
        yield "an entry for everywhere holds no number: numbers are national"
    if entry.url is not None and not entry.url.startswith("https://"):
        yield "url begins with https://"
    if not (entry.phone or entry.text or entry.url) and entry.region != NEUTRAL:
        yield "one of phone, text, url is needed"
    if entry.kind == "emergency" and entry.region != NEUTRAL and entry.phone is None:
        yield "an emergency number needs phone"
    if entry.checked is not None and _MONTH.fullmatch(entry.checked) is None:
        yield "checked is a month, as 2026-11"
    if any(_LANGUAGE.fullmatch(tag) is None for tag in (*entry.languages, *entry.names)):
        yield "languages are given as en, de, …"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).replace("`", "").split())
