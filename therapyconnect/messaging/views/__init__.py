"""The REST edge of messaging: parse, call, answer."""
