"""Where sessions live: our own table, under digests, sealed.

Inside, `session.session_key` is always the digest, so whatever keeps it (the list of sessions)
keeps nothing that logs in. The secret exists in the client, and on the store object that has just
made it or was just opened with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase, UpdateError
from django.core.signing import JSONSerializer

from therapyconnect.accounts.digests import digest_of, is_digest, is_secret, new_secret
from therapyconnect.accounts.keys import key_ring
from therapyconnect.accounts.models import Session
from therapyconnect.core.clock import now
from therapyconnect.vault import box
from therapyconnect.vault.errors import VaultError

_serializer = JSONSerializer()

ANONYMOUS_SECONDS: Final = 30 * 60
"""A session that nobody is logged in to holds a log-in under way; it may take this long."""


class SessionStore(SessionBase):
    """A session of Django's, kept by digest. `secret` is None where only the digest is known."""

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        self.secret: str | None = None

    @classmethod
    def opened_with(cls, secret: str) -> SessionStore | None:
        """The live session that a client's `secret` opens."""
        if not is_secret(secret):
            return None
        store = cls.alive(digest_of(secret))
        if store is not None:
            store.secret = secret
        return store

    @classmethod
    def alive(cls, digest: str) -> SessionStore | None:
        """The live session under `digest`, which must not come from a client unsigned."""
        store = cls(digest)
        store.get(SESSION_KEY)  # loads; a session that is not there loses its key
        return store if store.session_key else None

    def _validate_session_key(self, key: str | None) -> bool:
        return bool(key) and is_digest(str(key))

    def _get_new_session_key(self) -> str:
        self.secret = new_secret()
        return digest_of(self.secret)

    def load(self) -> dict[str, Any]:
        row = Session.objects.filter(key=self.session_key, expire_date__gt=now()).first()
        if row is not None and self.session_key is not None:
            try:
                return _open(self.session_key, bytes(row.data))
            except VaultError:
                pass  # the alarm was raised; what can't be opened is no session
        self._session_key = None
        return {}

    def exists(self, session_key: str) -> bool:
        return Session.objects.filter(key=session_key, expire_date__gt=now()).exists()

    def create(self) -> None:
        self._session_key = self._get_new_session_key()
        self.save(must_create=True)
        self.modified = True

    def save(self, must_create: bool = False) -> None:
        """Write the session; `UpdateError` where it was ended meanwhile, and it stays ended."""
        if self.session_key is None:
            self.create()
            return
        if must_create and not hasattr(self, "_session_cache"):
            self._session_cache: dict[str, Any] = {}  # there is no row to load yet
        columns = row_columns(self.session_key, dict(self.items()))
        if must_create:
            Session.objects.create(key=self.session_key, **columns)
        elif not Session.objects.filter(key=self.session_key).update(**columns):
            raise UpdateError

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key is not None:
            Session.objects.filter(key=key).delete()

    def flush(self) -> None:
        super().flush()
        self.secret = None

    @classmethod
    def clear_expired(cls) -> None:
        Session.objects.filter(expire_date__lte=now()).delete()


def row_columns(key: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """What a session's row holds for `data`."""
    user_id = data.get(SESSION_KEY)
    seconds = settings.SESSION_COOKIE_AGE if user_id else ANONYMOUS_SECONDS
    return {
        "data": _seal(key, data),
        "user_id": user_id,
        "auth_hash": data.get(HASH_SESSION_KEY, ""),
        "expire_date": now() + timedelta(seconds=seconds),
    }


def _seal(key: str, data: Mapping[str, Any]) -> bytes:
    plain = _serializer.dumps(dict(data))
    return box.seal(key_ring(), "session", plain, bound=key)


def _open(key: str, sealed: bytes) -> dict[str, Any]:
    plain = box.unseal(key_ring(), "session", sealed, bound=key)
    data: dict[str, Any] = _serializer.loads(plain)
    return data
