"""Limits of the log-in are not what these tests are about."""

from __future__ import annotations

from tests.accounts.conftest import _quick

__all__ = ["_quick"]
