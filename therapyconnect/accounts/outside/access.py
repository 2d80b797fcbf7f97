"""Whose token is it? One dispatch on the issuer; our own tokens take the path they always took.

allauth's routes do not come by here: they know our tokens only (`tokens.verify_access`).
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Final

from django.conf import settings

from therapyconnect.accounts.outside.keysource import KeySource
from therapyconnect.accounts.outside.providers import IdentityProvider
from therapyconnect.accounts.outside.verifier import unverified_issuer, verify_outside
from therapyconnect.accounts.tokens import AccessClaims, is_ours, verify_access

_THREADS: Final = ThreadPoolExecutor(8, thread_name_prefix="outside-token")


def verify_any_access(token: str) -> AccessClaims:
    """The claims of an access token, ours or a trusted provider's.

    `Unauthenticated`, the same for every fault; `Unavailable` (`identity_provider_unavailable`)
    where a provider's keys can't be had. May block for three seconds on a provider's token; on
    the event loop take `verify_access_async`.
    """
    provider = _provider_of(token)
    if provider is None:
        return verify_access(token)
    return verify_outside(provider, _keys_of(provider), token)


async def verify_access_async(token: str) -> AccessClaims:
    """`verify_any_access` for the event loop: leaves it, for a thread, only for outside tokens."""
    provider = _provider_of(token)
    if provider is None:
        return verify_access(token)
    return await asyncio.get_running_loop().run_in_executor(
        _THREADS, verify_outside, provider, _keys_of(provider), token
    )


def _provider_of(token: str) -> IdentityProvider | None:
    """The trusted provider that `token` claims to be from; None for ours, and for nobody's."""
    providers: tuple[IdentityProvider, ...] = settings.IDENTITY_PROVIDERS
    if not providers or is_ours(token):
        return None
    issuer = unverified_issuer(token)
    return _by_issuer(providers).get(issuer) if issuer is not None else None


@lru_cache(maxsize=8)
def _by_issuer(providers: tuple[IdentityProvider, ...]) -> dict[str, IdentityProvider]:
    return {provider.issuer: provider for provider in providers}


@lru_cache(maxsize=64)
def _keys_of(provider: IdentityProvider) -> KeySource:
    return KeySource(provider)
