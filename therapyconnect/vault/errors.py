"""Why a sealed value could not be opened."""

from __future__ import annotations

import structlog

from therapyconnect.core.errors import Damaged

log = structlog.get_logger("therapyconnect.vault")


class VaultError(Damaged):
    """A value can't be sealed or opened. Never holds the value."""


class KeyMissing(VaultError):
    """The key ring does not hold the version that a value was sealed with."""


class SealBroken(VaultError):
    """A value was altered, moved, or never sealed. Raising it logs the alarm."""

    def __init__(self, reason: str, *, scope: str, table: str, column: str, row: str) -> None:
        super().__init__(reason)
        log.critical(
            "vault.seal_broken", reason=reason, scope=scope, table=table, column=column, row=row
        )
