"""Visits to the web client: each in a browser profile of its own, each watched.

A visit fails its test on an error in the console, an exception, a breach of the page's policy, and
on anything that is asked of another origin, unless the test said that it expects that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, WebSocket

from tests.browser.chromium import PATIENCE_MS
from tests.browser.screens import sign_in

TELL_OF_BREACHES = """addEventListener("securitypolicyviolation", (event) =>
    console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`))"""

OFFLINE = (r"net::ERR_INTERNET_DISCONNECTED", r"WebSocket connection to .* failed")
AWAY = (*OFFLINE, r"net::ERR_(CONNECTION|EMPTY|SOCKET|INCOMPLETE|NETWORK)", r"status of 50\d")
"""What a browser says by itself of a line or a server that is gone."""


class Visit:
    """One profile, with as many tabs as wanted; `expects` are patterns of faults that may come."""

    def __init__(
        self, browser: Browser, base: str, *, expects: Sequence[str] = (), **options: Any
    ) -> None:
        self.base = base
        self.faults: list[str] = []
        self._expects = [re.compile(pattern) for pattern in expects]
        self.context: BrowserContext = browser.new_context(base_url=base, **options)
        self.context.set_default_timeout(PATIENCE_MS)
        self.context.add_init_script(TELL_OF_BREACHES)
        self.context.on("console", self._console)
        self.context.on("weberror", lambda error: self._fault(f"exception: {error.error}"))
        self.context.on("request", lambda request: self._asked(request.url))

    def tab(self) -> Page:
        """Another tab of the same profile, at the client's front page."""
        page = self.context.new_page()
        page.on("websocket", self._socket)
        page.goto("/")
        return page

    def close(self) -> list[str]:
        """End it; what went wrong in it."""
        self.context.close()
        return self.faults

    def expect(self, *patterns: str) -> None:
        """From here on these may come too."""
        self._expects += [re.compile(pattern) for pattern in patterns]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._fault(f"{message.type}: {message.text} ({message.location['url']})")

    def _socket(self, socket: WebSocket) -> None:
        self._asked(socket.url)

    def _asked(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in ("blob", "data"):
            return
        if parts.netloc != urlsplit(self.base).netloc:
            self._fault(f"asked of another origin: {url}")

    def _fault(self, what: str) -> None:
        if not any(pattern.search(what) for pattern in self._expects):
            self.faults.append(what)


class Visits:
    """Makes visits for one test."""

    def __init__(self, browser: Browser, base: str) -> None:
        self._browser = browser
        self._base = base
        self.all: list[Visit] = []

    def __call__(
        self,
        email: str | None = None,
        *,
        token: str | None = None,
        base: str | None = None,
        width: int = 1280,
        height: int = 800,
        dark: bool = False,
        expects: Sequence[str] = (),
        **options: Any,
    ) -> Page:
        """The first tab of a new profile; signed in through the form where there is an `email`.

        With a `token` it comes signed in, as after a reload: for tests that are about what follows.
        """
        if token is not None:
            options["storage_state"] = self._kept(base or self._base, token)
        visit = Visit(
            self._browser, base or self._base, expects=expects,
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light", **options,
        )  # fmt: skip
        self.all.append(visit)
        page = visit.tab()
        if email is not None:
            sign_in(page, email)
        return page

    @staticmethod
    def _kept(base: str, token: str) -> dict[str, Any]:
        """What a browser keeps of a session. The token outlives the test: it needs no other."""
        tokens = json.dumps({"access": token, "refresh": "of no use"})
        kept = [{"name": "therapyconnect.tokens", "value": tokens}]
        return {"cookies": [], "origins": [{"origin": base, "localStorage": kept}]}

    def of(self, page: Page) -> Visit:
        """The visit that a tab belongs to."""
        return next(visit for visit in self.all if visit.context == page.context)

    def another_tab(self, page: Page) -> Page:
        """A second tab beside `page`, which is signed in with it."""
        return self.of(page).tab()

    def close(self) -> list[str]:
        return [fault for visit in self.all for fault in visit.close()]
