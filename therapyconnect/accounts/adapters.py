"""What we decide where allauth lets us."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.core.internal.httpkit import get_client_ip
from allauth.headless.base.response import RateLimitResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from therapyconnect.accounts import services
from therapyconnect.accounts.keys import key_ring
from therapyconnect.accounts.models import User
from therapyconnect.vault import box
from therapyconnect.vault.errors import SealBroken

_UNKNOWN_ADDRESS = "0.0.0.0"  # noqa: S104 (a name for "no address", nothing listens on it)


def display_name(user: User) -> str:
    return user.full_name or user.id


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Nobody signs up alone: accounts are made by an admin or the host application."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """The peer's address. `X-Forwarded-For` counts only behind a configured proxy."""
        return get_client_ip(request) or _UNKNOWN_ADDRESS

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """One counter an account, whatever name the server was called by."""
        return f"login:{str(credentials.get('email', '')).strip().lower()}"

    def validation_error(self, code: str, *args: Any) -> ValidationError:
        """Too many attempts is 429, like every other limit, not an invalid field."""
        if code == "too_many_login_attempts":
            raise ImmediateHttpResponse(RateLimitResponse(context.request))
        error: ValidationError = super().validation_error(code, *args)
        return error

    def reauthenticate(self, user: AbstractBaseUser, password: str) -> bool:
        assert isinstance(user, User)
        found = self.authenticate(context.request, email=user.email, password=password)
        return found is not None and found.pk == user.pk

    def set_password(self, user: AbstractBaseUser, password: str) -> None:
        """Every other session ends; the caller's goes on under a new key.

        What was stolen with the old password (a session secret, a refresh token) opens nothing
        any more, so the answer must carry new tokens: allauth hands them out to whom it takes
        for newly logged in.
        """
        assert isinstance(user, User)
        super().set_password(user, password)
        request = context.request
        services.revoke_all_sessions(user_id=user.id, but=request.session.session_key)
        request.allauth.headless._pre_user = AnonymousUser()


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Second-factor secrets and the seeds of recovery codes are sealed in the database."""

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Whom a passkey is for: the configured domain, whatever name the server was called by."""
        return {"id": settings.PASSKEY_DOMAIN, "name": settings.MFA_TOTP_ISSUER}

    def encrypt(self, text: str) -> str:
        return base64.b64encode(box.seal(key_ring(), "mfa", text.encode())).decode()

    def decrypt(self, encrypted_text: str) -> str:
        try:
            sealed = base64.b64decode(encrypted_text, validate=True)
        except (binascii.Error, ValueError):
            raise SealBroken(
                "not a sealed value", scope="mfa", table="mfa_authenticator", column="data", row=""
            ) from None
        return box.unseal(key_ring(), "mfa", sealed).decode()
