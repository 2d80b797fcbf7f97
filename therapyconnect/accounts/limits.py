"""The counters of the log-in limits, in the database: a restart forgives nothing.

A cache backend of Django's, since that is what allauth counts with. Keys are kept as keyed
digests (they hold addresses and e-mails); values are JSON, never pickled.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import random
from datetime import UTC, datetime
from typing import Any, Final

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.db import connection

from therapyconnect.accounts.keys import key_ring

_PUT: Final = (
    "INSERT INTO accounts_limit (key, value, expires_at) VALUES (%s, %s, %s)"
    " ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value, expires_at = EXCLUDED.expires_at"
)
_ADD: Final = f"{_PUT} WHERE accounts_limit.expires_at <= statement_timestamp() RETURNING 1"
_GET: Final = (
    "SELECT value::text FROM accounts_limit WHERE key = %s AND expires_at > statement_timestamp()"
)
_DELETE: Final = "DELETE FROM accounts_limit WHERE key = %s"
_PURGE: Final = "DELETE FROM accounts_limit WHERE expires_at <= statement_timestamp()"
_PURGE_CHANCE: Final = 0.01
_NEVER: Final = datetime(9999, 1, 1, tzinfo=UTC)


class LimitCache(BaseCache):
    def __init__(self, _location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def add(
        self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None
    ) -> bool:
        """Atomic: of two that add the same key at once, one is told True."""
        return self._run(_ADD, self._row(key, value, timeout, version)) is not None

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        row = self._run(_GET, [self._digest(key, version)])
        return default if row is None else json.loads(row[0])

    def set(
        self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None
    ) -> None:
        self._run(_PUT, self._row(key, value, timeout, version))
        if random.random() < _PURGE_CHANCE:  # noqa: S311 (housekeeping, not a secret)
            self._run(_PURGE, [])

    def touch(self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        missing = object()
        value = self.get(key, missing, version)
        if value is missing:
            return False
        self.set(key, value, timeout, version)
        return True

    def delete(self, key: Any, version: int | None = None) -> bool:
        return self._run(f"{_DELETE} RETURNING 1", [self._digest(key, version)]) is not None

    def clear(self) -> None:
        self._run("DELETE FROM accounts_limit", [])

    def _row(self, key: Any, value: Any, timeout: Any, version: int | None) -> list[Any]:
        at = self.get_backend_timeout(timeout)
        expires = _NEVER if at is None else datetime.fromtimestamp(at, UTC)
        return [self._digest(key, version), json.dumps(value), expires]

    def _digest(self, key: Any, version: int | None) -> str:
        full = self.make_key(str(key), version)
        ring = key_ring()
        secret = ring.derive("limits", ring.oldest)
        return hmac.digest(secret, full.encode(), hashlib.sha256).hex()

    def _run(self, sql: str, parameters: list[Any]) -> tuple[Any, ...] | None:
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            row: tuple[Any, ...] | None = cursor.fetchone() if cursor.description else None
            return row
