"""A file is there whole or not at all, and nobody but its owner reads it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from therapyconnect.ops.backups.errors import BackupError
from therapyconnect.ops.backups.whole_file import whole_file


def test_it_appears_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "file"
    os.umask(os.umask(0) & ~0o077)
    with whole_file(path) as file:
        file.write(b"all of it")
        assert not path.exists()
    assert path.read_bytes() == b"all of it"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["file"]


def _write_half(path: Path, error: BaseException) -> None:
    with whole_file(path) as file:
        file.write(b"half of")
        raise error


@pytest.mark.parametrize("error", [BackupError("no"), KeyboardInterrupt(), BrokenPipeError()])
def test_what_fails_leaves_the_older_one(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"older")
    with pytest.raises((BackupError, KeyboardInterrupt)):
        _write_half(path, error)
    assert path.read_bytes() == b"older"
    assert os.listdir(tmp_path) == ["file"]


def test_what_a_killed_one_left_is_used_again(tmp_path: Path) -> None:
    (tmp_path / ".file.part").write_bytes(b"longer than what comes")
    (tmp_path / ".file.part").chmod(0o644)
    with whole_file(tmp_path / "file") as file:
        file.write(b"short")
    assert (tmp_path / "file").read_bytes() == b"short"
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["file"]


def test_of_two_at_once_one_is_refused(tmp_path: Path) -> None:
    with whole_file(tmp_path / "file") as file:
        file.write(b"first")
        with pytest.raises(BackupError, match="running"), whole_file(tmp_path / "file"):
            raise AssertionError("both write")
    assert (tmp_path / "file").read_bytes() == b"first"


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="can't be written"), whole_file(tmp_path / "no" / "file"):
        raise AssertionError("there is nothing to write to")
