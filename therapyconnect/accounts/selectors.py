"""Reads: users and the care between them."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from therapyconnect.accounts.models import CareRelationship, User, normalise_email


def user_by_id(user_id: str) -> User | None:
    return User.objects.filter(id=user_id).first()


def user_by_email(email: str) -> User | None:
    return User.objects.filter(email=normalise_email(email)).first()


def active_relationship(*, therapist_id: str, patient_id: str) -> CareRelationship | None:
    """The care that is going on between the two, or None. Index `accounts_care_one_active`."""
    return CareRelationship.objects.filter(
        therapist_id=therapist_id, patient_id=patient_id, ended_at__isnull=True
    ).first()


def relationships_of(user_id: str) -> QuerySet[CareRelationship]:
    """Every care relationship, also ended ones, that `user_id` has a side in, newest first."""
    return CareRelationship.objects.filter(
        Q(therapist_id=user_id) | Q(patient_id=user_id)
    ).order_by("-started_at")


def email_of(user_id: str) -> str:
    """The address of a user who is known to exist."""
    return User.objects.values_list("email", flat=True).get(id=user_id)
