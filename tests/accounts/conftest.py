"""Users, and limits that are off unless a test is about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from therapyconnect.accounts.models import User


@pytest.fixture(autouse=True)
def _quick(settings: Any) -> None:
    """Password hashing is slow on purpose; the test of its timing turns it back."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.ACCOUNT_RATE_LIMITS = False
    settings.MFA_RATE_LIMITS = False


def make_user(user_id: str, email: str) -> User:
    # Imported late: this file may be read before Django is set up.
    from tests.accounts.api import PASSWORD
    from therapyconnect.accounts import services

    return services.create_user(
        id=user_id, email=email, password=PASSWORD, first_name="Given", last_name="Family"
    )


@pytest.fixture
def therapist(db: None) -> User:
    return make_user("t_abc123", "therapist@demo.test")


@pytest.fixture
def patient(db: None) -> User:
    return make_user("p_xyz789", "patient@demo.test")


@pytest.fixture
def production(settings: Any) -> None:
    settings.THERAPYCONNECT = {**settings.THERAPYCONNECT, "MODE": "production"}
