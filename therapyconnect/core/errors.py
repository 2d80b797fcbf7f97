"""Domain errors: raised by services, translated once, for REST and sockets alike.

A `code` is part of the wire and never changes its meaning; `docs/guide/errors.md` lists them.
A `detail` is a sentence for a developer. It never holds what a person wrote.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong: a stable code, a sentence, and the field it is about (or None)."""

    code: str
    detail: str
    attr: str | None = None


class DomainError(Exception):
    """What a caller may be told. `status` is the HTTP status of the answer."""

    status: ClassVar[int] = 400
    retry_after: int | None = None

    def __init__(self, code: str, detail: str, attr: str | None = None) -> None:
        super().__init__(code)
        self.problems: tuple[Problem, ...] = (Problem(code, detail, attr),)

    @property
    def code(self) -> str:
        return self.problems[0].code

    @property
    def detail(self) -> str:
        return self.problems[0].detail


class Invalid(DomainError):
    """The input breaks a rule of the contract."""

    status = 400

    @classmethod
    def of(cls, *problems: Problem) -> Invalid:
        error = cls(problems[0].code, problems[0].detail, problems[0].attr)
        error.problems = problems
        return error


class Unauthenticated(DomainError):
    """No valid token. The answer is the same for every way a token can be wrong."""

    status = 401

    def __init__(self, code: str = "not_authenticated", detail: str = "No valid token.") -> None:
        super().__init__(code, detail)


class Forbidden(DomainError):
    """A participant may not do this one thing."""

    status = 403


class NotFound(DomainError):
    """It never existed, or it is not the caller's: the answer is the same."""

    status = 404

    def __init__(self, attr: str | None = None) -> None:
        super().__init__("not_found", "Not found.", attr)


class Conflict(DomainError):
    status = 409


class TooLarge(DomainError):
    """More bytes than are taken here, or than this user has room for."""

    status = 413


class UnsupportedType(DomainError):
    """A file of a type that is not taken, or not of the type that it says."""

    status = 415


class RangeNotSatisfiable(DomainError):
    """The part asked for lies beyond the end."""

    status = 416

    def __init__(self, size: int) -> None:
        super().__init__("range_not_satisfiable", "The range lies beyond the end.", "Range")
        self.size = size


class Unprocessable(DomainError):
    """A file of the right type that can't be, or may not be, worked on."""

    status = 422


class Throttled(DomainError):
    """Too much at once; `retry_after` in whole seconds."""

    status = 429

    def __init__(self, *, retry_after: int) -> None:
        super().__init__("throttled", "Too many requests.")
        self.retry_after = retry_after


class Unavailable(DomainError):
    """The database is away or the server is full: nothing was done, or its outcome is unknown.

    A send whose outcome is unknown is settled by sending it again with its `client_message_id`.
    """

    status = 503

    def __init__(
        self, code: str = "unavailable", *, retry_after: int = 2, unknown: bool = False
    ) -> None:
        super().__init__(code, "The service can't answer now. Try again.")
        self.retry_after = retry_after
        self.unknown = unknown
        """True where the request reached the database, and may have been carried out."""


class Damaged(DomainError):
    """Stored data failed its integrity check: nothing of it is shown, and an alarm is raised."""

    status = 500

    def __init__(self, reason: str) -> None:
        super().__init__("integrity_error", "Stored data failed its integrity check.")
        self.reason = reason

    def __str__(self) -> str:
        """For the operator's log; the wire gets `detail`."""
        return self.reason
