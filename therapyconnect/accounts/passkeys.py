"""allauth's passkey routes, on which a hostile credential is invalid input and no server error.

The parser of credentials raises whatever its reading of hostile bytes comes upon, from `ValueError`
to a failed signature; allauth catches only some of it.
"""

from __future__ import annotations

import struct
from typing import Any

from allauth.headless.internal.restkit.response import ErrorResponse
from allauth.headless.mfa import views
from allauth.mfa.adapter import get_adapter
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

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


class _RefusesHostileCredentials:
    request: Any

    def handle_input(self, data: Any) -> Any:
        try:
            return super().handle_input(data)  # type: ignore[misc]
        except _HOSTILE:
            return ErrorResponse(
                self.request, exception=get_adapter().validation_error("incorrect_code")
            )


class AuthenticateWebAuthnView(_RefusesHostileCredentials, views.AuthenticateWebAuthnView):  # type: ignore[misc]
    pass


class ReauthenticateWebAuthnView(_RefusesHostileCredentials, views.ReauthenticateWebAuthnView):  # type: ignore[misc]
    pass


class LoginWebAuthnView(_RefusesHostileCredentials, views.LoginWebAuthnView):  # type: ignore[misc]
    pass


class ManageWebAuthnView(_RefusesHostileCredentials, views.ManageWebAuthnView):  # type: ignore[misc]
    pass
