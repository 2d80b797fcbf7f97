"""What a backup says of itself decides whether this version and this ring can take it."""

from __future__ import annotations

import secrets

import msgspec
import pytest

from therapyconnect.ops.backups import note as notes
from therapyconnect.ops.backups.errors import BackupError
from therapyconnect.ops.backups.note import Note
from therapyconnect.ops.backups.restoring import check_note
from therapyconnect.vault.keyring import KeyRing

RING = KeyRing({2: secrets.token_bytes(32)})
NOTE = Note(
    format=1,
    made_at="2026-11-25T00:00:00+00:00",
    version="9.9.9",
    postgres=180000,
    migrations=["messaging.0001_initial"],
    keys=[2],
)


def test_it_is_read_as_it_was_written() -> None:
    assert notes.decode(NOTE.encode()) == NOTE


def test_another_format_is_of_a_newer_version() -> None:
    with pytest.raises(BackupError, match="newer version"):
        notes.decode(b'{"format": 2, "shape": []}')


@pytest.mark.parametrize("data", [b"", b"[]", b'{"format": 1}', b"\xff"])
def test_what_is_no_note_is_told(data: bytes) -> None:
    with pytest.raises(BackupError, match="no backup"):
        notes.decode(data)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"migrations": ["messaging.0001_initial", "messaging.9999_unheard_of"]}, "newer version"),
        ({"migrations": ["unheard_of.0001_initial"]}, "newer version"),
        ({"keys": [1, 2]}, "lacks key 1"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, object], says: str) -> None:
    note = msgspec.structs.replace(NOTE, **changes)  # type: ignore[arg-type]
    with pytest.raises(BackupError, match=says):
        check_note(note, RING)
