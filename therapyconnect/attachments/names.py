"""The name of a file as a person may be shown it and a download may carry it."""

from __future__ import annotations


def clean_name(name: str) -> str:
    """`name` without anything that deceives or breaks out; never empty, always the same again."""
    raise NotImplementedError
