"""allauth's passkey routes, with what they leave open closed (WebAuthn level 3, 7.1 and 7.2).

- A hostile credential is invalid input and no server error: the parser raises whatever its reading
  of hostile bytes comes upon, and allauth catches only some of it.
- The page must be on the list of origins to the letter, and not framed by another site's. By
  itself the library takes any page of the domain, on any port and subdomain.
- The signature counter must rise, where the authenticator counts: a copy of it is found out.
- An assertion opens once, also where two of the same arrive at one moment.
"""

from __future__ import annotations

import struct
from typing import Any, Final

import structlog
from allauth.headless.internal.restkit.response import ErrorResponse
from allauth.headless.mfa import views
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal.auth import get_state
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from fido2.utils import websafe_decode
from fido2.webauthn import AuthenticatorData

from therapyconnect.core.rest.parsers import parse_json

log = structlog.get_logger("therapyconnect.accounts.passkeys")

_HOSTILE = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    OverflowError,
    struct.error,
    InvalidSignature,
    UnsupportedAlgorithm,
)

# Kept in allauth's own row. One statement, so of two at once with one counter only one gets by.
_COUNT: Final = """
    UPDATE mfa_authenticator
    SET data = jsonb_set(data, '{sign_count}', to_jsonb(%(count)s::bigint))
    WHERE id = %(id)s AND (
        %(count)s::bigint > COALESCE((data->>'sign_count')::bigint, %(enrolled)s::bigint)
        OR (%(count)s::bigint = 0
            AND COALESCE((data->>'sign_count')::bigint, %(enrolled)s::bigint) = 0))
    RETURNING id
"""
_CHALLENGE_SECONDS: Final = 15 * 24 * 3600
"""As long as a session that holds the challenge may live."""


class _Strict:
    """Refuses what allauth would let pass; every refusal is allauth's `incorrect_code`."""

    request: Any
    input: Any

    def handle_input(self, data: Any) -> Any:
        state = get_state()
        try:
            credential = data.get("credential") if isinstance(data, dict) else None
            if credential is not None and not _of_our_page(credential):
                return self._refuse("origin")
            refusal = super().handle_input(data)  # type: ignore[misc]
        except _HOSTILE:
            return self._refuse("malformed")
        if refusal is not None or credential is None:
            return refusal
        return self._use(credential, state)

    def _use(self, credential: Any, state: Any) -> Any:
        """What holds for an assertion and not for an enrolment."""
        found = self.input.cleaned_data.get("credential")
        if not isinstance(found, Authenticator):
            return None
        if state is None or not cache.add(f"webauthn:{state['challenge']}", 1, _CHALLENGE_SECONDS):
            return self._refuse("replayed")
        if not _count(found, credential):
            log.warning("accounts.passkey_counter", user_id=found.user_id, authenticator=found.pk)
            return self._refuse("counter")
        return None

    def _refuse(self, reason: str) -> ErrorResponse:
        log.info("accounts.passkey_refused", reason=reason)
        return ErrorResponse(
            self.request, exception=get_adapter().validation_error("incorrect_code")
        )


def _of_our_page(credential: Any) -> bool:
    """Whether the browser says that one of our pages, at the top of its window, asked."""
    said = parse_json(websafe_decode(credential["response"]["clientDataJSON"]))
    return said["origin"] in settings.PASSKEY_ORIGINS and said.get("crossOrigin") in (None, False)


def _count(authenticator: Authenticator, credential: Any) -> bool:
    """Note the signature counter; False where it did not rise. Zero for ever: it doesn't count."""
    said = AuthenticatorData(websafe_decode(credential["response"]["authenticatorData"]))
    with connection.cursor() as cursor:
        cursor.execute(
            _COUNT,
            {
                "id": authenticator.pk,
                "count": said.counter,
                "enrolled": authenticator.wrap().authenticator_data.counter,
            },
        )
        return cursor.fetchone() is not None


class AuthenticateWebAuthnView(_Strict, views.AuthenticateWebAuthnView):  # type: ignore[misc]
    pass


class ReauthenticateWebAuthnView(_Strict, views.ReauthenticateWebAuthnView):  # type: ignore[misc]
    pass


class LoginWebAuthnView(_Strict, views.LoginWebAuthnView):  # type: ignore[misc]
    pass


class ManageWebAuthnView(_Strict, views.ManageWebAuthnView):  # type: ignore[misc]
    pass
