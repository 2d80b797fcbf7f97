"""What nobody may get: an outsider anything of a chat, an ended session anything at all."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from tests.acceptance.history import History
from tests.acceptance.records import Revoking

Found = tuple[str, str, str]
NO_SUCH_THING = (404, "not_found")
BUSY = (429, 503, "throttled", "rate_limited", "unavailable", "overloaded", "stopping")
"""Says nothing of what was asked for; to be asked again later."""
REVOKED = 4401


def check_leaks(history: History) -> Iterator[Found]:
    """An outsider is told that there is no such thing, and hears nothing."""
    for attempt in history.attempts:
        if attempt.held:
            yield "leak", attempt.chat_id, f"{attempt.what} of {attempt.user_id} held its words"
        elif attempt.answer is not None and attempt.answer not in (*NO_SUCH_THING, *BUSY):
            # A search in all chats of one's own is answered; it must only not find anything.
            if attempt.answer == 200 and attempt.what.endswith("own"):
                continue
            detail = f"{attempt.what} of {attempt.user_id} was answered {attempt.answer}"
            yield "leak", attempt.chat_id, detail
    for overheard in history.overheard:
        yield "leak", overheard.chat_id, f"{overheard.user_id} heard {overheard.type}"


def check_revocations(history: History) -> Iterator[Found]:
    """Once a log-out was answered: no answer but 401, and within seconds no socket.

    Where the application or the database was killed meanwhile, the seconds count from when it
    answered again: who can't ask whether a session lives can't end it.
    """
    for revoking in history.revokings:
        if revoking.acked is None:
            continue
        who = f"{revoking.device} of {revoking.user_id}"
        for status in revoking.statuses:
            if status not in (401, *BUSY):
                yield "after_revocation", "", f"{who} was answered {status}"
        end = _answering_since(history, revoking) + revoking.within
        late = [at for at in revoking.heard if at > end]
        if late:
            detail = f"{who} heard {len(late)} frames, the last {late[-1] - end:.1f} s too late"
            yield "after_revocation", "", detail
        if (revoking.closed or revoking.given_up or inf) > end:
            yield "after_revocation", "", f"{who}: its socket was left open"
        elif revoking.closed is not None and revoking.code not in (REVOKED, *_BROKE):
            yield "after_revocation", "", f"{who}: its socket was closed with {revoking.code}"


_BROKE = (None, 1001, 1006, 1013)
"""It ended by itself, or with the server."""


def _answering_since(history: History, revoking: Revoking) -> float:
    """When the log-out was answered or, after a kill since, when something was answered again."""
    since = revoking.acked or 0.0
    ended = revoking.closed or revoking.given_up or inf
    kills = [at for at, _ in history.kills if since - 1 < at < ended]
    if not kills:
        return since
    again = [s.answered for s in history.sendings if s.told and s.asked > kills[-1]]
    return max(since, min((at for at in again if at is not None), default=inf))
