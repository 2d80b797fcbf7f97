"""Hidden history: what a role may not see of what was said.

Withdrawing the permission hides all that was said up to then (a number of the sequence); what
comes after is seen. Granting it again shows all.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from therapyconnect.messaging.shapes import Message

M = TypeVar("M", bound=Message)


def can_see(seq: int, hidden_seq: int) -> bool:
    """Whether a message of that number is seen by one from whom `hidden_seq` hides."""
    return seq > hidden_seq


def without_hidden_quote(message: M, hidden_seq: int) -> M:
    """The message as one may see it: without the words of a hidden message that it quotes."""
    if hidden_seq and message.reply_to_text is not None and message.reply_to is not None:
        quoted = int(message.reply_to.rpartition("_")[2])
        if not can_see(quoted, hidden_seq):
            return msgspec.structs.replace(message, reply_to_text=None)
    return message


def hidden_after(*, may_see: bool, last_seq: int) -> int:
    """Up to which number history is hidden once the permission was given or withdrawn."""
    return 0 if may_see else last_seq
