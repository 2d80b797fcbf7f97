"""How allauth's routes read and hand out our tokens."""

from __future__ import annotations

from typing import Any

from allauth.headless.tokens.strategies.base import AbstractTokenStrategy
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest

from therapyconnect.accounts import services
from therapyconnect.accounts.session_store import SessionStore
from therapyconnect.accounts.tokens import (
    bearer_token,
    mint_access,
    mint_refresh,
    verify_access,
    verify_refresh,
)
from therapyconnect.core.errors import Unauthenticated


class _BearerSession(str):
    """The id of a live session, out of a verified token.

    A type, so that no text of a client's can be taken for one.
    """

    session: SessionStore

    @classmethod
    def of(cls, session: SessionStore) -> _BearerSession:
        assert session.session_key is not None
        self = cls(session.session_key)
        self.session = session
        return self


class TokenStrategy(AbstractTokenStrategy):  # type: ignore[misc]
    """`X-Session-Token` holds a session's secret; `Authorization` an access token of ours."""

    def get_session_token(self, request: HttpRequest) -> str | None:
        """What the request brings; a token that is refused counts as none, and answers 401."""
        secret = request.headers.get("X-Session-Token")
        if secret:
            return secret
        known: dict[str, _BearerSession | None] = request.__dict__.setdefault("_bearer", {})
        header = request.META.get("HTTP_AUTHORIZATION", "")
        if header not in known:
            known[header] = _bearer_session(header)
        return known[header]

    def lookup_session(self, session_token: str) -> SessionStore | None:
        if isinstance(session_token, _BearerSession):
            return session_token.session
        return SessionStore.opened_with(session_token)

    def create_session_token(self, request: HttpRequest) -> str:
        """The secret of the request's session; its id where it was opened by an access token.

        Then the id equals `get_session_token`, and allauth hands nothing out.
        """
        session = request.session
        assert isinstance(session, SessionStore)
        if session.session_key is None:
            session.save()
        assert session.session_key is not None
        return session.secret or session.session_key

    def create_access_token_payload(self, request: HttpRequest) -> dict[str, Any] | None:
        payload: dict[str, Any] | None = super().create_access_token_payload(request)
        if payload is not None:
            user_id, session_id = self._names(request)
            payload["refresh_token"] = mint_refresh(
                user_id=user_id,
                session_id=session_id,
                token_id=services.start_refresh(session_id=session_id),
            )
        return payload

    def create_access_token(self, request: HttpRequest) -> str | None:
        user_id, session_id = self._names(request)
        return mint_access(user_id=user_id, session_id=session_id)

    def refresh_token(self, refresh_token: str) -> tuple[str, str] | None:
        try:
            claims = verify_refresh(refresh_token)
        except Unauthenticated:
            return None
        token_id = services.rotate_refresh(
            session_id=claims.session_id, user_id=claims.user_id, token_id=claims.token_id
        )
        if token_id is None:
            return None
        user_id, session_id = claims.user_id, claims.session_id
        return (
            mint_access(user_id=user_id, session_id=session_id),
            mint_refresh(user_id=user_id, session_id=session_id, token_id=token_id),
        )

    def _names(self, request: HttpRequest) -> tuple[str, str]:
        session_id = request.session.session_key
        assert session_id is not None
        return str(request.user.pk), session_id


def _bearer_session(header: str) -> _BearerSession | None:
    try:
        token = bearer_token(header)
        claims = verify_access(token) if token else None
    except Unauthenticated:
        return None
    session = SessionStore.alive(claims.session_id) if claims else None
    if claims is None or session is None or session.get(SESSION_KEY) != claims.user_id:
        return None
    return _BearerSession.of(session)
