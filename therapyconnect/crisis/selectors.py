"""A person's own crisis resources: by their settings, or by what this process last knew."""

from __future__ import annotations

from collections.abc import Sequence

from therapyconnect.core.queries import Query, Reading
from therapyconnect.crisis.memory import CAPACITY, memory
from therapyconnect.crisis.resources import CrisisResource, resources_for


def resources_of(user_id: str) -> Reading[list[CrisisResource]]:
    """The resources for where the user's settings say they are; remembers it. One primary key."""
    rows = yield Query(
        "SELECT region, language FROM accounts_usersettings WHERE user_id = %s", (user_id,)
    )
    region, language = rows[0] if rows else ("", "en")
    memory.remember(user_id, region, language)
    return resources_for(region, language)


def learn_whereabouts_of(user_ids: Sequence[str]) -> Reading[None]:
    """Take up where these people are now: it may have been changed in another process."""
    rows = yield Query(
        "SELECT user_id, region, language FROM accounts_usersettings WHERE user_id = ANY(%s)",
        (list(user_ids),),
    )
    for row in rows:
        memory.remember(*row)


def known_resources(user_id: str) -> list[CrisisResource]:
    """The same without the database: for where the user was last known to be, else neutral."""
    known = memory.recall(user_id)
    return resources_for(*known) if known is not None else resources_for("")


def learn_whereabouts(*, limit: int = CAPACITY) -> Reading[int]:
    """Fill the memory with patients who have said where they are, once a process, at its start.

    So that an outage right after a start finds nobody unknown. How many were learnt.
    """
    rows = yield Query(
        "SELECT user_id, region, language FROM accounts_usersettings"
        " WHERE region <> '' AND starts_with(user_id, 'p_') LIMIT %s",
        (limit,),
    )
    for user_id, region, language in rows:
        memory.remember(user_id, region, language)
    return len(rows)
