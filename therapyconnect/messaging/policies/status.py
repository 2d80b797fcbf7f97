"""Who may archive, block, delete and lift it again.

A chat keeps three facts. The therapist archives it and deletes it; each of the two blocks for
themselves; an administrator lifts a deletion. Nobody lifts another's block.
"""

from __future__ import annotations

from dataclasses import replace

from therapyconnect.core.errors import Forbidden, NotFound
from therapyconnect.core.ids import Role
from therapyconnect.messaging.policies.standing import Standing, relationship_ended
from therapyconnect.messaging.shapes import ChatStatus


def standing_after(standing: Standing, role: Role, wanted: ChatStatus) -> Standing:
    """The facts after `role` asked for `wanted`; equal to `standing` where nothing changes.

    `active` lifts all that the caller may lift; where only another's fact stands in the way, it is
    refused, and so is what the caller may not set.
    """
    if role == "admin":
        return _after_admin(standing, wanted)
    if standing.deleted:
        raise NotFound()
    if wanted == "blocked":
        if role == "therapist":
            return replace(standing, blocked_by_therapist=True)
        return replace(standing, blocked_by_patient=True)
    if wanted == "active":
        return _lifted(standing, role)
    if role != "therapist":
        raise Forbidden("therapist_only", "Only the therapist archives and deletes.", "status")
    if wanted == "archived":
        return replace(standing, archived=True)
    if not standing.related:  # what was said stays to be read by both
        raise relationship_ended()
    return replace(standing, deleted=True)


def _lifted(standing: Standing, role: Role) -> Standing:
    if role == "therapist":
        after = replace(standing, archived=False, blocked_by_therapist=False)
    else:
        after = replace(standing, blocked_by_patient=False)
    if after == standing and standing.blocked:
        raise Forbidden("blocked_by_other", "Only who set a block lifts it.", "status")
    if after == standing and standing.archived:
        raise Forbidden("therapist_only", "Only the therapist opens an archived chat.", "status")
    return after


def _after_admin(standing: Standing, wanted: ChatStatus) -> Standing:
    if wanted != "active":
        raise Forbidden("not_a_participant", "An administrator only restores a deleted chat.")
    return replace(standing, deleted=False)
