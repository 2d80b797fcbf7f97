"""Which requests are somebody's emergency. Pure: method, path and body in."""

from __future__ import annotations

import re
from typing import Final

from therapyconnect.core.rest.parsers import parse_json

# With or without the last slash: a request that misses its route for that is an emergency too.
_SENDS: Final = re.compile(r"/api/messages/(send_message/?)?|/api/messages")
_MARKS: Final = re.compile(r"/api/messages/[^/]+/mark_emergency/?")
# In what is no JSON object: JSON cut short, a form, a list. Wide on purpose: a number too many
# harms nobody.
_SAID: Final = re.compile(rb"""emergency["']?\s*[:=]\s*["']?(true|1)\b""", re.IGNORECASE)
_DENIALS: Final = (None, False, 0, "", "false", "False", "0")


def may_be_emergency(method: str, path: str) -> bool:
    """True where the body must be looked at, or the path alone says it."""
    return method == "POST" and (is_mark(path) or _SENDS.fullmatch(path) is not None)


def is_mark(path: str) -> bool:
    """True for the route that flags a message, whatever its body."""
    return _MARKS.fullmatch(path) is not None


def says_emergency(body: bytes) -> bool:
    """True where the body of a send asks for an emergency, however badly it is formed."""
    if b"mergency" not in body.lower() and b"\\u" not in body and b"\0" not in body:
        return False
    try:
        value = parse_json(body)
    except ValueError:
        value = None
    if isinstance(value, dict):
        said = value.get("emergency")
        return isinstance(said, (dict, list)) or said not in _DENIALS
    # UTF-16 and UTF-32 are ASCII with NULs between.
    return _SAID.search(body.replace(b"\0", b"")) is not None
