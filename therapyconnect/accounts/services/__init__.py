"""What changes users, care relationships and sessions. Each is one transaction."""

from therapyconnect.accounts.services.relationships import create_relationship, end_relationship
from therapyconnect.accounts.services.sessions import (
    open_sessions,
    purge_expired,
    revoke_all_sessions,
    revoke_session,
    rotate_refresh,
    start_refresh,
)
from therapyconnect.accounts.services.users import create_user, deactivate_user, new_user_id

__all__ = [
    "create_relationship",
    "create_user",
    "deactivate_user",
    "end_relationship",
    "new_user_id",
    "open_sessions",
    "purge_expired",
    "revoke_all_sessions",
    "revoke_session",
    "rotate_refresh",
    "start_refresh",
]
