"""Clients of the pair, and of those outside."""

from tests.api.conftest import outsider, patient, therapist

__all__ = ["outsider", "patient", "therapist"]
