"""The caller: what a valid token and one query say about who is asking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from therapyconnect.accounts.keys import in_production
from therapyconnect.accounts.tokens import OUTSIDE, AccessClaims
from therapyconnect.core.errors import Forbidden, Unauthenticated
from therapyconnect.core.ids import Role, role_of
from therapyconnect.core.queries import Query, Reading

# A session is alive while its row exists, has not expired, its user is active, and the password
# is still the one it was opened with. `auth_hash` is User.get_session_auth_hash().
_ALIVE: Final = (
    "s.expire_date > statement_timestamp() AND u.is_active"
    " AND s.auth_hash = encode(sha256(convert_to(u.password, 'UTF8')), 'hex')"
)

PRINCIPAL_SQL: Final = (
    "SELECT u.first_name, u.last_name,"
    " EXISTS (SELECT 1 FROM mfa_authenticator m"
    "  WHERE m.user_id = u.id AND m.type <> 'recovery_codes')"
    " FROM accounts_session s JOIN accounts_user u ON u.id = s.user_id"
    f" WHERE s.key = %s AND s.user_id = %s AND {_ALIVE}"
)
"""Parameters: session id, user id. No row: refused. Two primary keys and one index."""

OUTSIDE_SQL: Final = (
    "SELECT u.first_name, u.last_name, false FROM accounts_user u WHERE u.id = %s AND u.is_active"
)
"""The same for who comes with an outside provider's token, from the user id alone.

There is no session of ours to ask after. A statement of its own: one for both would cost our own
tokens a sixth more planning.
"""

ALIVE_SQL: Final = (
    "SELECT s.key FROM accounts_session s JOIN accounts_user u ON u.id = s.user_id"
    f" WHERE s.key = ANY(%s) AND {_ALIVE}"
)
"""Of a list of session ids (one parameter), those that are alive: sockets are re-checked so."""

ACTIVE_SQL: Final = "SELECT u.id FROM accounts_user u WHERE u.id = ANY(%s) AND u.is_active"
"""Of a list of user ids (one parameter), those that are active: the same for outside tokens."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is calling, for as long as one request or until the socket's token runs out.

    `session_id` names the session, or with an outside provider's token its issuer and person;
    `expires_at` is the token's, in seconds since 1970.
    `mfa_required` is true where this person must enrol a second factor before anything else.
    """

    id: str
    role: Role
    first_name: str
    last_name: str
    session_id: str
    expires_at: int
    mfa_enrolled: bool = False
    mfa_required: bool = False

    is_authenticated: ClassVar[bool] = True
    is_anonymous: ClassVar[bool] = False

    @property
    def pk(self) -> str:
        return self.id

    @property
    def outside(self) -> bool:
        """True where there is no session of ours: only the user's being active can be asked."""
        return self.session_id.startswith(OUTSIDE)

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


def principal_of(claims: AccessClaims) -> Reading[Principal]:
    """The caller that verified claims name; `Unauthenticated` where that is over."""
    if claims.outside:
        rows = yield Query(OUTSIDE_SQL, (claims.user_id,))
    else:
        rows = yield Query(PRINCIPAL_SQL, principal_params(claims))
    return principal_from_row(claims, rows[0] if rows else None)


def principal_params(claims: AccessClaims) -> tuple[str, str]:
    """The parameters of `PRINCIPAL_SQL`."""
    return claims.session_id, claims.user_id


def principal_from_row(claims: AccessClaims, row: Sequence[Any] | None) -> Principal:
    """The caller from the row of either statement; `Unauthenticated` where there is none."""
    if row is None:
        raise Unauthenticated()
    first_name, last_name, enrolled = row
    role = role_of(claims.user_id)
    return Principal(
        id=claims.user_id,
        role=role,
        first_name=first_name,
        last_name=last_name,
        session_id=claims.session_id,
        expires_at=claims.expires_at,
        mfa_enrolled=enrolled,
        # A second factor of somebody who logs in elsewhere is that provider's to ask for.
        mfa_required=(
            role != "patient" and not enrolled and not claims.outside and in_production()
        ),
    )


def require_enrolled(principal: Principal) -> None:
    """`Forbidden` where the caller must enrol a second factor first."""
    if principal.mfa_required:
        raise Forbidden("mfa_required", "Enrol a second factor first.")
