"""Who may be what to whom. Pure: ids and rows in, a reason or None out."""

from __future__ import annotations

from therapyconnect.core.errors import Forbidden, Problem
from therapyconnect.core.ids import Role, is_user_id, role_of


def user_id_problem(user_id: str, role: Role | None = None) -> Problem | None:
    """Why `user_id` can't be the id of a new user (of `role`)."""
    if not is_user_id(user_id):
        return Problem(
            "invalid_id", "An id is t_, p_ or a_ and 3 to 32 lower-case letters or digits.", "id"
        )
    if role is not None and role_of(user_id) != role:
        return Problem("invalid_id", f"The id of a {role} begins with {role[0]}_.", "id")
    return None


def relationship_problem(*, therapist_id: str, patient_id: str) -> Problem | None:
    """Why there can be no care relationship between the two."""
    if not is_user_id(therapist_id) or role_of(therapist_id) != "therapist":
        return Problem("invalid", "Not the id of a therapist.", "therapist_id")
    if not is_user_id(patient_id) or role_of(patient_id) != "patient":
        return Problem("invalid", "Not the id of a patient.", "patient_id")
    return None


def check_own_id(own_id: str, *claimed: str | None, attr: str) -> None:
    """Who is calling comes from the token; `Forbidden` where the request names somebody else."""
    if any(claim is not None and claim != own_id for claim in claimed):
        raise Forbidden("identity_mismatch", "Not the caller's own id.", attr)
