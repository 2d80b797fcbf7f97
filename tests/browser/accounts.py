"""Accounts as a test wants them, made past the screens that other tests are about."""

from __future__ import annotations

import secrets
from base64 import b32encode

import httpx
from playwright.sync_api import Page

from tests.harness.server import LiveServer

MAKE_PASSKEY = """async (options) => {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options.publicKey);
    return (await navigator.credentials.create({ publicKey })).toJSON();
}"""


def enrol_totp(server: LiveServer, user_id: str) -> str:
    """An authenticator app for the account; its secret."""
    secret = b32encode(secrets.token_bytes(20)).decode()
    server.manage(
        "shell", "--no-imports", "-c",
        "from allauth.mfa.totp.internal.auth import TOTP\n"
        "from therapyconnect.accounts.models import User\n"
        f"TOTP.activate(User.objects.get(pk={user_id!r}), {secret!r})",
    )  # fmt: skip
    return secret


def virtual_authenticator(page: Page) -> None:
    """A device that makes and uses passkeys, and whose owner always says yes."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
        "hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def enrol_passkey(server: LiveServer, page: Page, email: str, password: str) -> None:
    """A passkey of `page`'s authenticator for the account, by the routes that a client uses."""
    token = server.login(email, password)["access_token"]
    with httpx.Client(
        base_url=f"{server.base}/_allauth/app/v1/",
        headers={"Authorization": f"Bearer {token}"}, timeout=20,
    ) as api:  # fmt: skip
        api.post("auth/reauthenticate", json={"password": password}).raise_for_status()
        route = "account/authenticators/webauthn"
        options = api.get(route, params={"passwordless": ""}).json()["data"]["creation_options"]
        credential = page.evaluate(MAKE_PASSKEY, options)
        made = api.post(route, json={"name": "Test", "credential": credential})
        assert made.status_code == 200, made.text
