"""Sealing: what people wrote is readable only with keys that the database does not hold.

Key ring (file or environment) -> one data key per chat, wrapped -> AES-256-GCM over each value,
bound to its table, column, chat, row and version. Opening what was altered, moved or never
sealed raises `SealBroken` and alarms; there is no fallback. Imports only `core`.
"""
