"""Django REST framework's door: a bearer token in, a `Principal` out."""

from __future__ import annotations

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from therapyconnect.accounts import openapi  # noqa: F401 (registers the scheme)
from therapyconnect.accounts.outside.access import verify_any_access
from therapyconnect.accounts.principal import Principal, principal_of, require_enrolled
from therapyconnect.accounts.tokens import bearer_token
from therapyconnect.core.queries import run


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer …` and nothing else; one query a request.

    One class for all issuers, which chooses the verifier: of several classes in a row, the first
    one's refusal would be everybody's. A token that is wrong, or whose session has ended, is
    refused with 401 on every route, also on those that ask for none.
    """

    def authenticate(self, request: Request) -> tuple[Principal, str] | None:
        token = bearer_token(request.META.get("HTTP_AUTHORIZATION"))
        if token is None:
            return None
        principal = authenticate_token(token)
        require_enrolled(principal)
        return principal, token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def authenticate_token(token: str) -> Principal:
    """The caller that `token` names, checked against the database, or `Unauthenticated`."""
    return run(principal_of(verify_any_access(token)))
