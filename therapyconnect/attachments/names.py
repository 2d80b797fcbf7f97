"""The name of a file as a person may be shown it and a download may carry it."""

from __future__ import annotations


def clean_name(name: str) -> str:
    """`name` without anything that deceives or breaks out; never empty, always the same again."""
    return "".join(c for c in name if c.isprintable() and c not in '/\\"')[:120] or "file"
