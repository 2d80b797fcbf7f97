"""Keyset pages that lead both ways: which rows are the page's, and where its neighbours begin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from therapyconnect.core.errors import Invalid
from therapyconnect.core.pagination import Cursor, decode_cursor
from therapyconnect.core.queries import Row

T = TypeVar("T")


@dataclass(slots=True)
class Found(Generic[T]):
    """A page's items, with the cursors that lead to its neighbours."""

    items: list[T]
    next: Cursor | None = None
    previous: Cursor | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """Where a page begins, and which way it is read. `cursor` None: at the list's start."""

    cursor: Cursor | None
    limit: int

    @classmethod
    def of(cls, cursor: str | None, limit: int) -> Turn:
        return cls(decode_cursor(cursor) if cursor is not None else None, limit)

    @property
    def back(self) -> bool:
        return self.cursor is not None and self.cursor.back

    @property
    def fetch(self) -> int:
        """How many rows to read: one more than the page has shows whether there are others."""
        return self.limit + 1

    @property
    def descending(self) -> tuple[str, str]:
        """The comparison with the cursor, and the order to read in, of a list newest first."""
        return (">", "ASC") if self.back else ("<", "DESC")

    @property
    def ascending(self) -> tuple[str, str]:
        """The same of a list that begins with the smallest."""
        return ("<", "DESC") if self.back else (">", "ASC")

    def page(
        self,
        rows: list[Row],
        place: Callable[[Row], tuple[Any, str]],
        render: Callable[[Row], T],
    ) -> Found[T]:
        """The page of the rows that were read; `place` gives a row's time and id for a cursor."""
        more = len(rows) > self.limit
        rows = rows[: self.limit]
        if self.back:
            rows.reverse()
        found = Found([render(row) for row in rows])
        if rows and (more or self.back):
            found.next = Cursor(*place(rows[-1]))
        if rows and self.cursor is not None and (more or not self.back):
            found.previous = Cursor(*place(rows[0]), back=True)
        return found


def not_of_this_list() -> Invalid:
    """A cursor that was well made, but for another list."""
    return Invalid("invalid_cursor", "Not a cursor of this list.", "cursor")
