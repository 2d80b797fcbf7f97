"""Where the sealed objects lie: a folder, or a bucket. Chosen by the settings, through Django.

What is put here is sealed already, and on the disk when `put` returns.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, cast

from django.core.files import File
from django.core.files.storage import FileSystemStorage, Storage, storages

from therapyconnect.vault.sealed_stream import Seekable

ALIAS: Final = "attachments"


class StoreDown(Exception):
    """The store did not do what it was asked; whether it will, nobody knows."""


class ObjectMissing(Exception):
    """The store has no such object."""


class DurableFolder(FileSystemStorage):
    """A folder whose files are on the disk once they are saved; 0600 in folders of 0700."""

    def _save(self, name: str, content: Any) -> str:
        path = Path(self.path(name))
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                for chunk in content.chunks():
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        for folder in (path.parent, path.parent.parent):
            _sync_folder(folder)
        return name


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def new_object_name() -> str:
    """A name that says nothing; its first part spreads them over folders."""
    return f"{secrets.token_hex(1)}/{secrets.token_hex(16)}"


def put(name: str, sealed: Path) -> None:
    """Store the sealed file under `name`; `StoreDown` where it is not there for certain."""
    try:
        with sealed.open("rb") as file:
            stored = _store().save(name, File(file))
    except Exception as error:  # an engine's errors are its own
        raise StoreDown(type(error).__name__) from None
    if stored != name:
        remove(stored)
        raise StoreDown("the name was taken")


@contextmanager
def opened(name: str) -> Iterator[Seekable]:
    """The object, to be read in any order; `ObjectMissing` or `StoreDown`."""
    try:
        file = _store().open(name, "rb")
        file.seek(0)  # a bucket is only asked now
    except FileNotFoundError:
        raise ObjectMissing from None
    except Exception as error:
        raise StoreDown(type(error).__name__) from None
    try:
        yield cast(Seekable, file)
    finally:
        with suppress(Exception):
            file.close()


def exists(name: str) -> bool:
    try:
        return _store().exists(name)
    except Exception as error:
        raise StoreDown(type(error).__name__) from None


def remove(name: str) -> None:
    """Delete the object, where there is one."""
    try:
        _store().delete(name)
    except Exception as error:
        raise StoreDown(type(error).__name__) from None


def _store() -> Storage:
    return storages[ALIAS]
