"""Which frame belongs to which socket, what it must carry there, and what answers it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from therapyconnect.realtime import frames

Asked = type[frames.Asked]
Said = type[frames.Said]
Frame = type[msgspec.Struct]

# In the order of their definition; a new frame type is in the document by being there.
ASKED: Final[tuple[Asked, ...]] = frames.AnyAsked.__args__
SAID: Final[tuple[Said, ...]] = tuple(frames.Said.__subclasses__())

ANSWERS: Final[Mapping[Asked, Said | None]] = {
    frames.ChatMessageAsked: frames.ChatMessageSaid,
    frames.TypingAsked: None,
    frames.MessageDeliveredAsked: frames.MessageDeliveredReceiptSaid,
    frames.MessageReadAsked: frames.MessageReadReceiptSaid,
    frames.MessageEditedAsked: frames.MessageEditedSaid,
    frames.MessageDeletedAsked: frames.MessageDeletedSaid,
    frames.ResumeAsked: frames.ResumedSaid,
    frames.AuthenticateAsked: None,
    frames.PingAsked: frames.PongSaid,
}
"""What follows where nothing is wrong; `error` may follow on each."""

_USER_SOCKET_ONLY: Final = {
    frames.NewMessageSaid,
    frames.EmergencyMessageSaid,
    frames.NotificationSaid,
}
# These may or may not be about one chat; every other frame of a user socket names its chat.
_OF_NO_CHAT: Final[set[Frame]] = {
    frames.ResumeAsked,
    frames.AuthenticateAsked,
    frames.PingAsked,
    frames.ConnectionEstablishedSaid,
    frames.NotificationSaid,
    frames.ErrorSaid,
    frames.PongSaid,
}


@dataclass(frozen=True, slots=True)
class Channel:
    """One kind of socket. `needs` has the fields that are optional in a frame, but not here."""

    key: str
    suffix: str
    address: str
    title: str
    parameter: str
    parameter_description: str
    example_id: str
    said: tuple[Said, ...]
    needs: Mapping[Frame, tuple[str, ...]]

    def name_of(self, kind: Frame) -> str:
        """The schema of a frame on this socket: a stricter one where it needs more here."""
        return f"{kind.__name__}{self.suffix}" if kind in self.needs else kind.__name__


CHAT: Final = Channel(
    key="chat",
    suffix="OnChatSocket",
    address="/ws/chat/{chat_id}/",
    title="One chat",
    parameter="chat_id",
    parameter_description="The id of a chat in which the caller takes part.",
    example_id="CHAT_t_abc123_p_xyz789",
    said=tuple(kind for kind in SAID if kind not in _USER_SOCKET_ONLY),
    needs={
        frames.ConnectionEstablishedSaid: ("last_seq",),
        frames.ResumeAsked: ("after_seq",),
        frames.HiddenSaid: ("chat_id",),
    },
)
USER: Final = Channel(
    key="user",
    suffix="OnUserSocket",
    address="/ws/notifications/{user_id}/",
    title="Everything of one user",
    parameter="user_id",
    parameter_description="The caller's own id; another's is refused with 403.",
    example_id="p_xyz789",
    said=SAID,
    needs={
        frames.ResumeAsked: ("chats",),
        **{kind: ("chat_id",) for kind in (*ASKED, *SAID) if kind not in _OF_NO_CHAT},
    },
)
CHANNELS: Final = (CHAT, USER)


def tag_of(kind: Frame) -> str:
    """The `type` of a frame on the wire."""
    return str(kind.__struct_config__.tag)
