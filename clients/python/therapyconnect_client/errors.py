"""What can go wrong, by type. No error's text says what somebody wrote."""

from __future__ import annotations

from therapyconnect_client.shapes import CrisisResource


class ClientError(Exception):
    """The parent of all errors of this package."""


class ApiError(ClientError):
    """The server refused, or could not answer.

    `code` is stable (`docs/guide/errors.md`), `attr` names the field it is about, `request_id`
    leads to it in the server's log, `retry_after` is in seconds. `crisis_resources` is there where
    a patient's emergency was refused: show them, whatever else happens.
    """

    def __init__(
        self,
        *,
        code: str,
        status: int = 0,
        detail: str = "",
        attr: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        crisis_resources: tuple[CrisisResource, ...] = (),
    ) -> None:
        self.code = code
        self.status = status
        self.detail = detail
        self.attr = attr
        self.request_id = request_id
        self.retry_after = retry_after
        self.crisis_resources = crisis_resources
        where = f" ({attr})" if attr else ""
        request = f" [request {request_id}]" if request_id else ""
        super().__init__(f"{status or 'no answer'}: {code}{where}{request}")


class Invalid(ApiError):
    """The request can't be: 400, 405, 413, 415, 422."""


class NotAuthenticated(ApiError):
    """Whoever asks is not known: 401. A wrong password, too (400 from the log-in)."""


class Forbidden(ApiError):
    """A participant who may not do this one thing: 403."""


class NotFound(ApiError):
    """It never was, or it is not yours: 404."""


class Conflict(ApiError):
    """It does not go with what is there: 409."""


class Throttled(ApiError):
    """Too much, too fast: 429. `retry_after` says when to come again."""


class Unavailable(ApiError):
    """The server could not answer (5xx, 408), or something on the way answered in its place.

    What came of a write is unknown, not failed.
    """


class Unreachable(Unavailable):
    """No answer arrived. What came of a write is unknown, not failed."""

    def __init__(self, code: str = "unreachable") -> None:
        super().__init__(code=code)


class SecondFactorRequired(ClientError):
    """The password was right; give a code to `Client.second_factor` with this `pending`."""

    def __init__(self, pending: str) -> None:
        self.pending = pending
        super().__init__("a second factor is required")


class LoggedOut(ClientError):
    """There is no session, or it has ended: log in again."""

    def __init__(self) -> None:
        super().__init__("no session: log in")


class Stopped(ClientError):
    """The client was closed, or somebody else logs in. What waits to be sent is in the store."""

    def __init__(self) -> None:
        super().__init__("the client was stopped")


class QueueFull(ClientError):
    """As many messages wait to be sent as may: this one was not taken."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} messages wait to be sent already")


class StoreInUse(ClientError):
    """Another process holds the file of the outgoing queue."""

    def __init__(self) -> None:
        super().__init__("the queue's file is in use by another client")


def error_of(status: int, *, ours: bool, **known: object) -> ApiError:
    """The error for an HTTP status. Only our own server's word (`ours`) is a refusal."""
    kind: type[ApiError]
    if status == 408 or status >= 500 or not (ours or status in (401, 429)):
        kind = Unavailable
    else:
        kinds: dict[int, type[ApiError]] = {
            401: NotAuthenticated, 403: Forbidden, 404: NotFound, 409: Conflict, 429: Throttled,
        }  # fmt: skip
        kind = kinds.get(status, Invalid)
    return kind(status=status, **known)  # type: ignore[arg-type]
