"""Frames from the types themselves, then broken: as a hostile or a buggy client sends them."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import strategies as st

from therapyconnect.realtime import frames

Frame = dict[str, Any]

# Names that the test replaces by real ids, in the frame's text.
CHATS = ["{chat}", "{other}", "CHAT_t_never00_p_never00", "x", ""]
MESSAGES = [f"MSG_{{pair}}_{n}" for n in (1, 2, 3, 4, 1, 2, 999, 2**63)] + [
    "MSG_{others}_1",
    "x",
    "",
]


def _nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}
    return value


_HOSTILE: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, 2**63 - 1, 2**63, -(2**63), 2**64, 10**30, 1e308, -0.0,
    float("nan"), float("inf"), "", " ", "\x00", "a\x00b", "\ud800", "\udfff", "x" * 129,
    "x" * 10_001, "\u202e", "\u200b", "<script>", "' OR 1=1--", "{{7*7}}", "__proto__", "{me}",
    "{them}", "{admin}", "{chat}", "{other}", [], {}, [[]], [1, "a", None], {"a": 1},
    {"__proto__": {"admin": True}}, {"\x00": "\ud800"}, {"": ""}, ["{chat}"], {"{chat}": 0},
    {"{other}": 0}, {"{chat}": -1, "{other}": 0, "x": 0}, {"a": "x" * 17_000},
    _nested(60), _nested(70), _nested(500), [_nested(3)] * 3,
]  # fmt: skip
hostile = st.sampled_from(_HOSTILE) | st.text(max_size=40) | st.integers() | st.floats()
_cursors = st.integers(-1, 6) | st.sampled_from([2**63 - 1, 2**63])
_claims = st.sampled_from(["{me}"] * 6 + ["{them}", "{admin}", None])

_PLAUSIBLE: dict[str, st.SearchStrategy[Any]] = {
    "ref": st.integers(0, 99) | st.text(max_size=20),
    "chat_id": st.sampled_from(["{chat}"] * 20 + CHATS),
    "user_id": _claims,
    "sender_id": _claims,
    "text": st.text(max_size=60) | st.just("plain words"),
    "message_type": st.sampled_from(["text", "appointment", "prescription", "system", "image"]),
    "emergency": st.booleans(),
    "client_message_id": st.sampled_from(["a", "b", "c"]) | st.none(),
    "message_id": st.sampled_from(MESSAGES) | st.none(),
    "reply_to": st.sampled_from(MESSAGES) | st.none(),
    "attachment_id": st.none() | st.just("ATT_1"),
    "seq": _cursors | st.none(),
    "after_seq": _cursors | st.none(),
    "chats": st.dictionaries(st.sampled_from(CHATS), _cursors, max_size=3) | st.none(),
    "is_typing": st.booleans(),
    "payload": st.dictionaries(st.text(max_size=8), hostile, max_size=3) | st.none(),
    "token": st.sampled_from(["{own token}", "{their token}", "x.y.z", ""]),
}


@st.composite
def _frame_of(draw: st.DrawFn, kind: type[msgspec.Struct]) -> Frame:
    """A frame of that type, mostly right, with up to two things wrong."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    frame: Frame = {"type": kind.__struct_config__.tag}
    for name, field in fields.items():
        # The chat is named more often than not: else all would end at the user socket's door.
        if field.required or draw(st.integers(0, 3)) == 0 or (name == "chat_id" and draw(_often)):
            frame[name] = draw(_PLAUSIBLE[name])
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 1, 2]))):
        wrong = draw(st.sampled_from(["value", "missing", "extra", "type", "renamed"]))
        name = draw(st.sampled_from(sorted(fields)))
        if wrong == "value":
            frame[name] = draw(hostile)
        elif wrong == "missing":
            frame.pop(name, None)
        elif wrong == "extra":
            frame[draw(st.text(max_size=8)) or "more"] = draw(hostile)
        elif wrong == "type":
            frame["type"] = draw(hostile | st.sampled_from(sorted(frames.TYPES)))
        elif name in frame:
            frame[name.upper()] = frame.pop(name)
    return frame


_often = st.integers(0, 9).map(lambda number: number < 8)
frame_dicts = st.one_of([_frame_of(kind) for kind in frames.AnyAsked.__args__])


@st.composite
def frame_texts(draw: st.DrawFn) -> str | bytes:
    """What is sent: mostly one JSON object; now and then its text is broken too."""
    text = json.dumps(draw(frame_dicts))
    how = draw(st.sampled_from(["whole"] * 40 + ["cut", "twice", "doubled key", "bytes", "huge"]))
    if how == "cut":
        return text[: draw(st.integers(0, len(text)))]
    if how == "twice":
        return text + text
    if how == "doubled key":
        return text[:-1] + ', "type": "ping"}'
    if how == "bytes":
        return text.encode()
    if how == "huge":
        return text[:-1] + ', "more": "' + "x" * 140_000 + '"}'
    return text
