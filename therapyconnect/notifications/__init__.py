"""Notifications of the system: kept, pushed, marked read."""
