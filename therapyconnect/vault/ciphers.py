"""The data keys of this process, and how a reader of sealed values comes by them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from django.conf import settings

from therapyconnect.core.queries import Query, Reading
from therapyconnect.vault import datakeys
from therapyconnect.vault.datakeys import CipherStore


@cache
def cipher_store() -> CipherStore:
    """The process's one store of unwrapped data keys."""
    return CipherStore(settings.THERAPYCONNECT["KEY_RING"])


def load_ciphers(chat_ids: Iterable[str]) -> Reading[CipherStore]:
    """Make sure that the store holds the ciphers of `chat_ids`: one query where any is missing."""
    store = cipher_store()
    missing = store.missing(chat_ids)
    if missing:
        rows = yield Query(datakeys.SELECT_SQL, (missing,))
        store.add(rows)
    return store
