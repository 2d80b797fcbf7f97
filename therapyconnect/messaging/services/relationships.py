"""Care relationships, begun and ended: with the care, the writing in its chat ends."""

from __future__ import annotations

from django.db import connection, transaction

from therapyconnect.accounts.policies import relationship_problem
from therapyconnect.accounts.principal import Principal
from therapyconnect.accounts.selectors import active_relationship
from therapyconnect.accounts.services.relationships import create_relationship, end_relationship
from therapyconnect.core.errors import Conflict, Invalid, NotFound
from therapyconnect.core.hub import Unsure
from therapyconnect.core.ids import chat_id_for
from therapyconnect.core.queries import run
from therapyconnect.messaging.policies.relationships import check_may_begin, check_may_end
from therapyconnect.messaging.selectors.relationships import care_detail, open_chat_of
from therapyconnect.messaging.services.engine import ask, doubt, publish
from therapyconnect.messaging.services.requests import EndCare
from therapyconnect.messaging.shapes import CareRelationship

_LOCK_SQL = "SELECT 1 FROM accounts_user WHERE id = %s FOR NO KEY UPDATE"


def begin_care(*, caller: Principal, therapist_id: str, patient_id: str) -> CareRelationship:
    """A new active relationship of the pair; `Conflict` where they have one.

    Of two calls at once one begins it: they take turns on the therapist's row.
    """
    check_may_begin(caller.role)
    problem = relationship_problem(therapist_id=therapist_id, patient_id=patient_id)
    if problem is not None:
        raise Invalid.of(problem)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_LOCK_SQL, (therapist_id,))
        if active_relationship(therapist_id=therapist_id, patient_id=patient_id) is not None:
            raise Conflict("already_exists", "This care is already going on.")
        made = create_relationship(therapist_id=therapist_id, patient_id=patient_id)
    # Where they had a chat, those who listen look how it stands now.
    publish([Unsure(chat_id_for(therapist_id=therapist_id, patient_id=patient_id))])
    return run(care_detail(viewer=caller, relationship_id=str(made.id)))


def end_care(*, caller: Principal, relationship_id: str) -> CareRelationship:
    """The relationship as it has ended; one that had ended already stays as it was.

    Where the pair has a chat, it ends in the chat's lane, so that both are told there and nothing
    is sent after it. A deleted chat has nobody to tell.
    """
    care = run(care_detail(viewer=caller, relationship_id=relationship_id))
    check_may_end(caller.role)
    pair = {"therapist_id": care.therapist_id, "patient_id": care.patient_id}
    if care.active:
        chat_id = run(open_chat_of(**pair))
        if chat_id is not None and _ended_in_lane(chat_id, caller):
            return run(care_detail(viewer=caller, relationship_id=relationship_id))
        end_relationship(**pair, ended_by=caller.id)
        care = run(care_detail(viewer=caller, relationship_id=relationship_id))
    # A chat that was made or restored beside it: those who listen look how it stands now. Also
    # where it had ended already: whoever asks again may have been told that nobody knows.
    doubt(chat_id_for(**pair))
    return care


def _ended_in_lane(chat_id: str, caller: Principal) -> bool:
    """False where the chat was deleted meanwhile."""
    try:
        ask(lambda reply: EndCare(chat_id=chat_id, user_id=caller.id, reply=reply))
    except NotFound:
        return False
    return True
