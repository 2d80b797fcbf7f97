"""What changes users, care relationships and sessions. Each is one transaction."""

from therapyconnect.accounts.services.credentials import reset_second_factors, set_password
from therapyconnect.accounts.services.relationships import create_relationship, end_relationship
from therapyconnect.accounts.services.sessions import (
    open_sessions,
    purge_expired,
    revoke_all_sessions,
    revoke_session,
    rotate_refresh,
    start_refresh,
)
from therapyconnect.accounts.services.users import (
    activate_user,
    create_user,
    deactivate_user,
    new_user_id,
)

__all__ = [
    "activate_user",
    "create_relationship",
    "create_user",
    "deactivate_user",
    "end_relationship",
    "new_user_id",
    "open_sessions",
    "purge_expired",
    "reset_second_factors",
    "revoke_all_sessions",
    "revoke_session",
    "rotate_refresh",
    "set_password",
    "start_refresh",
]
