"""Care relationships: begun and ended. At most one is active between a therapist and a patient."""

from __future__ import annotations

import structlog
from django.db import IntegrityError, transaction

from therapyconnect.accounts.models import CareRelationship
from therapyconnect.accounts.policies import relationship_problem
from therapyconnect.accounts.selectors import active_relationship, user_by_id
from therapyconnect.core.clock import now
from therapyconnect.core.errors import Invalid, NotFound

log = structlog.get_logger("therapyconnect.accounts")


def create_relationship(*, therapist_id: str, patient_id: str) -> CareRelationship:
    """The active care between the two, begun now where there is none. Repeatable."""
    problem = relationship_problem(therapist_id=therapist_id, patient_id=patient_id)
    if problem is not None:
        raise Invalid.of(problem)
    found = active_relationship(therapist_id=therapist_id, patient_id=patient_id)
    if found is not None:
        return found
    for name, user_id in (("therapist_id", therapist_id), ("patient_id", patient_id)):
        if user_by_id(user_id) is None:
            raise NotFound(name)
    try:
        with transaction.atomic():
            made = CareRelationship.objects.create(therapist_id=therapist_id, patient_id=patient_id)
    except IntegrityError:
        found = active_relationship(therapist_id=therapist_id, patient_id=patient_id)
        if found is None:
            raise
        return found
    _record("accounts.care_begun", made)
    return made


def end_relationship(
    *, therapist_id: str, patient_id: str, ended_by: str | None = None
) -> CareRelationship | None:
    """End the active care between the two; None, and no change, where there is none.

    `ended_by` is the id of who ended it; None: the installation.
    """
    with transaction.atomic():
        relationship = (
            CareRelationship.objects.select_for_update(no_key=True)
            .filter(therapist_id=therapist_id, patient_id=patient_id, ended_at__isnull=True)
            .first()
        )
        if relationship is None:
            return None
        relationship.ended_at = now()
        relationship.ended_by_id = ended_by
        relationship.save(update_fields=["ended_at", "ended_by"])
    _record("accounts.care_ended", relationship)
    return relationship


def _record(event: str, care: CareRelationship) -> None:
    ids = {"therapist_id": care.therapist_id, "patient_id": care.patient_id}
    transaction.on_commit(lambda: log.info(event, **ids))
