"""allauth's routes that this installation serves, under `/_allauth/`; the others are not mounted.

Left out: sign-up (nobody signs up alone), e-mail and phone management (an admin's), log-in codes
and password reset (both need an e-mail door, which this version has not).
"""

from __future__ import annotations

from allauth.headless.account import views as account
from allauth.headless.base import views as base
from allauth.headless.constants import Client
from allauth.headless.mfa import views as mfa
from allauth.headless.tokens import views as tokens
from allauth.headless.usersessions import views as sessions
from django.urls import include, path

from therapyconnect.accounts import passkeys

_ROUTES = {
    "config": base.ConfigView,
    "auth/login": account.LoginView,
    "auth/session": account.SessionView,
    "auth/sessions": sessions.SessionsView,
    "auth/reauthenticate": account.ReauthenticateView,
    "auth/2fa/authenticate": mfa.AuthenticateView,
    "auth/2fa/reauthenticate": mfa.ReauthenticateView,
    "auth/webauthn/authenticate": passkeys.AuthenticateWebAuthnView,
    "auth/webauthn/reauthenticate": passkeys.ReauthenticateWebAuthnView,
    "auth/webauthn/login": passkeys.LoginWebAuthnView,
    "account/password/change": account.ChangePasswordView,
    "account/authenticators": mfa.AuthenticatorsView,
    "account/authenticators/totp": mfa.ManageTOTPView,
    "account/authenticators/recovery-codes": mfa.ManageRecoveryCodesView,
    "account/authenticators/webauthn": passkeys.ManageWebAuthnView,
    "tokens/refresh": tokens.RefreshTokenView,
}

urlpatterns = [
    path(
        "app/v1/",
        include(
            [path(route, view.as_api_view(client=Client.APP)) for route, view in _ROUTES.items()]
        ),
    )
]
