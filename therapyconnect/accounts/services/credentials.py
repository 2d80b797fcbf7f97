"""What an administrator does for somebody who has lost a password or a phone."""

from __future__ import annotations

import structlog
from allauth.mfa.models import Authenticator
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from therapyconnect.accounts.services.sessions import revoke_all_sessions
from therapyconnect.accounts.services.users import held_user
from therapyconnect.core.errors import Invalid, Problem

log = structlog.get_logger("therapyconnect.accounts")


def set_password(*, user_id: str, password: str) -> None:
    """Another password; every session ends. `Invalid` where it is too weak, `NotFound`."""
    with transaction.atomic():
        user = held_user(user_id)
        try:
            validate_password(password, user)
        except ValidationError as error:
            raise Invalid.of(
                *(Problem("invalid_password", text, "password") for text in error.messages)
            ) from None
        user.set_password(password)
        user.save(update_fields=["password"])
        revoke_all_sessions(user_id=user_id)
        transaction.on_commit(lambda: log.info("accounts.password_set", user_id=user_id))


def reset_second_factors(*, user_id: str) -> int:
    """Forget authenticator app, recovery codes and passkeys; every session ends.

    How many there were. The password alone opens the account then, until another is enrolled.
    """
    with transaction.atomic():
        user = held_user(user_id)
        count: int = Authenticator.objects.filter(user=user).delete()[0]
        revoke_all_sessions(user_id=user_id)
        transaction.on_commit(
            lambda: log.info("accounts.second_factors_reset", user_id=user_id, count=count)
        )
    return count
