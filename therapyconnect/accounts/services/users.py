"""Users: made, switched off."""

from __future__ import annotations

import secrets
import string

import structlog
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from therapyconnect.accounts.models import User, normalise_email
from therapyconnect.accounts.policies import user_id_problem
from therapyconnect.accounts.selectors import user_by_email, user_by_id
from therapyconnect.accounts.services.sessions import revoke_all_sessions
from therapyconnect.core.errors import Conflict, Invalid, NotFound, Problem
from therapyconnect.core.ids import Role

log = structlog.get_logger("therapyconnect.accounts")

_ALPHABET = string.ascii_lowercase + string.digits


def new_user_id(role: Role) -> str:
    """A fresh id for `role`: 60 random bits, so it tells nothing of how many there are."""
    return f"{role[0]}_{''.join(secrets.choice(_ALPHABET) for _ in range(12))}"


def create_user(
    *, id: str, email: str, password: str | None, first_name: str = "", last_name: str = ""
) -> User:
    """A new user. `Invalid` names each field that is wrong; `Conflict`: id or e-mail is taken.

    Without a password nobody can log in by one (an outside identity provider, a later invitation).
    """
    user = User(
        id=id,
        email=normalise_email(email),
        first_name=first_name.strip(),
        last_name=last_name.strip(),
    )
    problems = _problems(user, password)
    if problems:
        raise Invalid.of(*problems)
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError:
        taken = "id" if user_by_id(id) is not None else "email"
        if taken == "email" and user_by_email(email) is None:
            raise
        raise Conflict("already_exists", f"A user with this {taken} exists.", taken) from None
    transaction.on_commit(lambda: log.info("accounts.user_created", user_id=user.id))
    return user


def deactivate_user(*, user_id: str) -> None:
    """Switch a user off: tokens are refused at once, sockets close within seconds. Idempotent."""
    with transaction.atomic():
        user = held_user(user_id)
        user.is_active = False
        user.save(update_fields=["is_active"])
        revoke_all_sessions(user_id=user_id)
    transaction.on_commit(lambda: log.info("accounts.user_deactivated", user_id=user_id))


def activate_user(*, user_id: str) -> None:
    """Let a user in again, with a new log-in. Idempotent."""
    with transaction.atomic():
        user = held_user(user_id)
        user.is_active = True
        user.save(update_fields=["is_active"])
    transaction.on_commit(lambda: log.info("accounts.user_activated", user_id=user_id))


def held_user(user_id: str) -> User:
    """The user, locked until the transaction ends; `NotFound`."""
    user = User.objects.select_for_update(no_key=True).filter(id=user_id).first()
    if user is None:
        raise NotFound()
    return user


def _problems(user: User, password: str | None) -> list[Problem]:
    problems = []
    wrong_id = user_id_problem(user.id)
    if wrong_id is not None:
        problems.append(wrong_id)
    try:
        validate_email(user.email)
    except ValidationError:
        problems.append(Problem("invalid_email", "Not an e-mail address.", "email"))
    for name in ("first_name", "last_name"):
        value = getattr(user, name)
        if len(value) > 100 or "\x00" in value:
            problems.append(Problem("invalid", "At most 100 characters, none of them NUL.", name))
    if password is not None:
        try:
            validate_password(password, user)
        except ValidationError as error:
            for message in error.messages:
                problems.append(Problem("invalid_password", message, "password"))
    return problems
