"""What a text must be before it can be stored or sent."""

from __future__ import annotations


def encodable(text: str) -> bool:
    """Whether it is valid Unicode: a lone surrogate has no bytes on any wire."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
