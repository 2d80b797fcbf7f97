"""Reads, guarded. Each is a `Reading`: run from a view's thread or from the loop."""
