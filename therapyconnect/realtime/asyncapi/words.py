"""What types can't say: who is let in, why not, and why a socket was closed."""

from __future__ import annotations

from typing import Final

from therapyconnect.realtime.flood import BURST, CLOSE_FRAMES, CLOSE_SECONDS, PER_SECOND
from therapyconnect.realtime.hub import BLOCKED, GOING_AWAY, GONE
from therapyconnect.realtime.typing import EXPIRES_SECONDS
from therapyconnect.realtime.watch import TOKEN_ENDED
from therapyconnect.serving.limits import Limits

_LIMITS: Final = Limits()

ABOUT: Final = f"""\
Messages, receipts and typing between a therapist and a patient, as they happen.

Actions are the server's: it *receives* what a client asks and *sends* what it says. Frames are JSON
text of at most {_LIMITS.message_bytes // 1024} KiB; compression is off. A frame of a client may \
carry `ref`, echoed in its answer. An answer is one of the types named as its reply, or `error`.

Every durable change of a chat has the next number of that chat (`seq`), and a socket says each \
once, in that order. Keep the highest one you have; after a reconnect send `resume` with it, and \
drop by `seq` what you had already. An ack (`chat_message` with your `ref`) means that the message \
is on disk.

Flood: {BURST:.0f} frames at once, then {PER_SECOND:.0f} a second; beyond that \
`rate_limited`. {CLOSE_FRAMES:,} in {CLOSE_SECONDS} s close the socket. Typing ends by itself \
after {EXPIRES_SECONDS:.0f} s."""

SERVER: Final = (
    "The server that gave this document. `Origin`, where it is sent, must be one of those the "
    "installation allows. Before the token's `exp` send `authenticate` with a fresh one of the "
    f"same session, or the socket is closed with {TOKEN_ENDED}."
)
BY_HEADER: Final = (
    "`Authorization: Bearer <access token>`: `meta.access_token` of `POST /_allauth/app/v1/auth/"
    "login`. Never in the URL, which ends up in logs."
)
BY_SUBPROTOCOL: Final = (
    "For browsers, which can't set headers: offer the subprotocols `therapyconnect.v1` and "
    "`bearer.<access token>`. The server selects `therapyconnect.v1`. One token, by one of the two "
    "ways."
)

REFUSALS: Final[dict[int, str]] = {
    400: "Not a WebSocket handshake.",
    401: "No valid token, or more than one.",
    403: (
        "`origin_not_allowed`, `host_not_allowed`; `https_required` and `mfa_required` in "
        "production; `identity_mismatch`: another's id in the path; `chat_blocked`."
    ),
    404: "No such socket, or not the caller's chat: the answer is the same.",
    426: "A version of WebSocket other than 13.",
    431: f"The headers are over {_LIMITS.head_bytes // 1024} KiB.",
    503: "The database is away, too many come at once, or the server stops; see `Retry-After`.",
}
"""Answers to the handshake instead of the upgrade, with the body of all errors."""

CLOSE_CODES: Final[dict[int, str]] = {
    GOING_AWAY: "The server is going away: reconnect with jitter, then resume.",
    1002: "A frame that breaks the protocol: mend the client.",
    1007: "A text frame that is not UTF-8: mend the client.",
    1008: "Too many frames, or one that was not finished in time: slow down.",
    1009: f"A frame over {_LIMITS.message_bytes // 1024} KiB: mend the client.",
    1011: "No sign of life after a ping, or a failure of ours: reconnect, then resume.",
    1013: "This client reads too slowly (best effort): reconnect, then resume.",
    TOKEN_ENDED: "Token expired, session ended or user deactivated: refresh, or log in.",
    BLOCKED: "The chat is blocked, or its care relationship ended: fetch the chat list.",
    GONE: "The chat is gone: fetch the chat list.",
}


def close_codes_in_words() -> str:
    lines = (f"- {code}: {meaning}" for code, meaning in CLOSE_CODES.items())
    return "The server closes with:\n" + "\n".join(lines)


def refusals_in_words() -> str:
    lines = (f"- {status}: {meaning}" for status, meaning in REFUSALS.items())
    return "Refused before the upgrade, with an HTTP status:\n" + "\n".join(lines)
