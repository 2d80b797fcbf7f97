"""Sessions: opened, refreshed, ended. An ended session's tokens are refused from then on."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import timedelta
from typing import Final

import structlog
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.db import transaction

from therapyconnect.accounts.digests import digest_of, new_secret
from therapyconnect.accounts.models import Session, User
from therapyconnect.accounts.session_store import row_columns
from therapyconnect.core.clock import now

log = structlog.get_logger("therapyconnect.accounts")

REFRESH_GRACE: Final = timedelta(seconds=30)
"""The old refresh token is good for this long after its rotation: an answer may have been lost."""


def open_sessions(users: Iterable[User]) -> dict[str, str]:
    """A session for each user, for the server's own use (load, tests): user id to session id.

    The secrets are thrown away: such a session is used through tokens minted for its id.
    """
    rows = {}
    for user in users:
        key = digest_of(new_secret())
        data = {
            SESSION_KEY: user.id,
            BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
            HASH_SESSION_KEY: user.get_session_auth_hash(),
        }
        rows[user.id] = Session(key=key, **row_columns(key, data))
    Session.objects.bulk_create(rows.values(), batch_size=1000)
    return {user_id: row.key for user_id, row in rows.items()}


def start_refresh(*, session_id: str) -> str:
    """The id of the session's new refresh token; those that it had before are void."""
    token_id = secrets.token_hex(16)
    Session.objects.filter(key=session_id).update(
        refresh_id=token_id, refresh_previous="", refresh_rotated_at=None
    )
    purge_expired()
    return token_id


def rotate_refresh(*, session_id: str, user_id: str, token_id: str) -> str | None:
    """The id of the refresh token that follows `token_id`; None where the session is not alive.

    The token before the current one gets the current one once more within `REFRESH_GRACE`: the
    first answer may have been lost, and of two that refresh at once both go on. An older one is
    known to two: its session ends for both. Locks the session's row.
    """
    with transaction.atomic():
        session = (
            Session.objects.select_for_update(no_key=True, of=("self",))
            .select_related("user")
            .filter(key=session_id, user_id=user_id, user__is_active=True)
            .filter(expire_date__gt=now())
            .first()
        )
        if session is None or session.user is None:
            return None
        if session.auth_hash != session.user.get_session_auth_hash():
            return None
        if secrets.compare_digest(session.refresh_id, token_id):
            session.refresh_previous = session.refresh_id
            session.refresh_id = secrets.token_hex(16)
            session.refresh_rotated_at = now()
            session.expire_date = now() + timedelta(seconds=settings.SESSION_COOKIE_AGE)
            session.save(
                update_fields=[
                    "refresh_id",
                    "refresh_previous",
                    "refresh_rotated_at",
                    "expire_date",
                ]
            )
            return session.refresh_id
        if (
            secrets.compare_digest(session.refresh_previous, token_id)
            and session.refresh_rotated_at is not None
            and now() - session.refresh_rotated_at <= REFRESH_GRACE
        ):
            return session.refresh_id
        _end([session_id])
    log.warning("accounts.refresh_reused", user_id=user_id, session_id=session_id)
    return None


def revoke_session(*, session_id: str) -> None:
    """End one session. Ending it again changes nothing."""
    with transaction.atomic():
        _end([session_id])


def revoke_all_sessions(*, user_id: str, but: str | None = None) -> int:
    """End a user's sessions, save the one that `but` names; how many were ended."""
    with transaction.atomic():
        found = Session.objects.filter(user_id=user_id)
        if but is not None:
            found = found.exclude(key=but)
        keys = list(found.select_for_update(no_key=True).values_list("key", flat=True))
        _end(keys)
    return len(keys)


def purge_expired(*, limit: int = 50) -> int:
    """Delete expired sessions, at most `limit`; each log-in does, so none are left lying."""
    with transaction.atomic():
        keys = list(
            Session.objects.select_for_update(skip_locked=True)
            .filter(expire_date__lte=now())
            .order_by("expire_date")
            .values_list("key", flat=True)[:limit]
        )
        _end(keys)
    return len(keys)


def _end(keys: list[str]) -> None:
    Session.objects.filter(key__in=keys).delete()
    UserSession.objects.filter(session_key__in=keys).delete()
