"""The keys of one provider: kept, renewed, and asked for seldom.

- Fresh for five minutes: so long a key that was withdrawn may still be believed.
- Then asked for again by the first that needs one; all others wait for the same request.
- An unknown `kid` asks at once, since keys rotate, but whatever tokens name, the provider is asked
  at most once in five seconds.
- A provider that is away is outlived for an hour with the last good set, without waiting for it.

Blocks the calling thread for at most `fetch.TIMEOUT_SECONDS`: never call it on the event loop.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

import structlog

from therapyconnect.accounts.outside.fetch import TIMEOUT_SECONDS, FetchFailed, fetch
from therapyconnect.accounts.outside.jwks import Keys, VerificationKey, parse_keys
from therapyconnect.accounts.outside.providers import IdentityProvider
from therapyconnect.core.errors import Unavailable

log = structlog.get_logger("therapyconnect.accounts.outside")

FRESH_SECONDS: Final = 300.0
LAST_GOOD_SECONDS: Final = 3600.0
ASK_SECONDS: Final = 5.0
MAX_WAITING: Final = 4
"""Threads that may wait on account of a `kid` nobody knows, while known ones are served."""


class KeySource:
    """Safe to share between threads; one for each provider and process."""

    def __init__(
        self,
        provider: IdentityProvider,
        *,
        fetch: Callable[[str], bytes] = fetch,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._provider = provider
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting = threading.Semaphore(MAX_WAITING)
        self._keys: Keys | None = None
        self._kids: frozenset[str] = frozenset()
        self._fetched_at = 0.0
        self._failing = False
        self._ask_again_at = float("-inf")
        self._under_way: threading.Event | None = None

    def key_for(self, kid: str, algorithm: str) -> VerificationKey | None:
        """The key under that name, or None where the provider has none.

        `Unavailable` where that can't be told: no keys that are recent enough, or an unknown name
        while the provider is away.
        """
        age = self._clock() - self._fetched_at
        if self._keys is None or age >= LAST_GOOD_SECONDS:
            self._ask(wait=True)
        elif kid not in self._kids:
            # Others' good tokens must find threads to be verified in.
            if not self._waiting.acquire(blocking=False):
                raise _unavailable()
            try:
                self._ask(wait=True)
            finally:
                self._waiting.release()
        elif age >= FRESH_SECONDS:
            self._ask(wait=not self._failing)
        return self._look_up(kid, algorithm)

    def _look_up(self, kid: str, algorithm: str) -> VerificationKey | None:
        with self._lock:
            keys, known = self._keys, kid in self._kids
            too_old = self._clock() - self._fetched_at >= LAST_GOOD_SECONDS
            unsure = self._failing or self._under_way is not None
        if keys is None or too_old or (not known and unsure):
            raise _unavailable()
        return keys.get((kid, algorithm))

    def _ask(self, *, wait: bool) -> None:
        """Have the keys fetched, unless that was just done or is under way; maybe wait for it."""
        with self._lock:
            answer = self._under_way
            if answer is None and self._clock() >= self._ask_again_at:
                self._ask_again_at = self._clock() + ASK_SECONDS
                answer = self._under_way = threading.Event()
                threading.Thread(
                    target=self._renew, args=(answer,), name="identity-keys", daemon=True
                ).start()
        if answer is not None and wait:
            answer.wait(TIMEOUT_SECONDS)

    def _renew(self, answer: threading.Event) -> None:
        keys: Keys | None = None
        try:
            keys = parse_keys(self._fetch(self._provider.jwks_url), self._provider.algorithms)
        except (FetchFailed, ValueError) as error:
            reason = str(error) if isinstance(error, FetchFailed) else "not a key set"
            log.warning("accounts.keys_not_fetched", issuer=self._provider.issuer, reason=reason)
        finally:
            with self._lock:
                self._failing = keys is None
                if keys is not None:
                    self._keys, self._fetched_at = keys, self._clock()
                    self._kids = frozenset(kid for kid, _ in keys)
                self._under_way = None
            answer.set()


def _unavailable() -> Unavailable:
    return Unavailable("identity_provider_unavailable", retry_after=int(ASK_SECONDS))
