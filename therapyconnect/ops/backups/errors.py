"""Why there is no backup, or nothing was restored."""

from __future__ import annotations


class BackupError(Exception):
    """One line that says what is wrong and what to do. Never holds a row."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))
