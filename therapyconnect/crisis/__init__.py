"""Whom to call in a crisis, by region; in every answer to an emergency and every refusal of one.

The table is `data/resources.toml`, which names its sources; an operator's file adds to it. It is
read once and needs no database. Where the person is comes from their settings, or, while the
database is away, from what this process last knew; where nothing is known the entries are neutral:
no country's number is anybody's default.
Imports `accounts` and `core`.
"""
