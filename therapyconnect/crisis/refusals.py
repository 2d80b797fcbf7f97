"""What goes beside a refusal that is given without the database, or before Django is reached."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from therapyconnect.accounts.outside.access import verify_any_access
from therapyconnect.accounts.tokens import AccessClaims, bearer_token, verify_access
from therapyconnect.core.errors import DomainError
from therapyconnect.core.ids import role_of
from therapyconnect.crisis.requests import may_be_emergency
from therapyconnect.crisis.resources import CrisisResource, resources_for
from therapyconnect.crisis.selectors import known_resources

FIELD: Final = "crisis_resources"


def caller_id(
    authorization: str | None, verify: Callable[[str], AccessClaims] = verify_any_access
) -> str | None:
    """Whom the token of an `Authorization` header names, by its signature alone; None: nobody.

    `verify` may ask an outside provider for its keys, where none are known yet.
    """
    try:
        token = bearer_token(authorization)
        return None if token is None else verify(token).user_id
    except DomainError:
        return None


def resources_by_memory(user_id: str | None) -> list[CrisisResource] | None:
    """Whom the caller can turn to, without the database; None for who is no patient."""
    if user_id is None:
        return resources_for("")
    return known_resources(user_id) if role_of(user_id) == "patient" else None


def beside_refusal(
    method: str, path: str, authorization: str | None = None
) -> dict[str, list[dict[str, Any]]]:
    """The fields to add to an error body of a request whose body was not read; else `{}`.

    For the server itself, which refuses what is too large or too slow before Django sees it. What
    nobody has read may be an emergency. Never blocks: who has a token of an outside provider gets
    neutral resources.
    """
    if not may_be_emergency(method, path):
        return {}
    resources = resources_by_memory(caller_id(authorization, verify_access))
    return {} if resources is None else {FIELD: msgspec.to_builtins(resources)}
