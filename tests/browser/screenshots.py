"""Takes the guide's screenshots, on a server of its own:

python -m tests.browser.screenshots [FOLDER]          docs/guide/images by default
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.chromium import chromium, find_chromium
from tests.browser.practice import furnish
from tests.browser.screens import composer, log
from tests.browser.visits import Visits
from tests.harness.server import ROOT, LiveServer
from tests.web.built import built_client

THERAPIST, PATIENT = "therapist@demo.test", "patient@demo.test"
DESK, TABLET, PHONE = (1440, 900), (768, 1024), (360, 740)

# Name, who, where, how large, whether dark.
SHOTS: tuple[tuple[str, str | None, str, tuple[int, int], bool], ...] = (
    ("sign-in-360", None, "", PHONE, False),
    ("therapist-1440", THERAPIST, "chat", DESK, False),
    ("therapist-dark-1440", THERAPIST, "chat", DESK, True),
    ("therapist-768", THERAPIST, "chat", TABLET, False),
    ("caseload-360", THERAPIST, "", PHONE, False),
    ("alerts-1440", THERAPIST, "alerts", DESK, False),
    ("room-1440", THERAPIST, "room", DESK, False),
    ("patient-360", PATIENT, "chat", PHONE, False),
    ("patient-dark-360", PATIENT, "chat", PHONE, True),
    ("patient-768", PATIENT, "chat", TABLET, False),
    ("account-768", PATIENT, "account", TABLET, False),
)


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0]) if arguments else ROOT / "docs" / "guide" / "images"
    path = find_chromium()
    if path is None:
        print("no Chromium on this machine: apt-get install chromium", file=sys.stderr)  # noqa: T201
        return 2
    built_client()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="tc-screenshots-") as data:
        server = LiveServer(Path(data))
        server.start()
        try:
            chat = furnish(server)
            with chromium(path) as browser:
                visits = Visits(browser, server.base)
                for shot in SHOTS:
                    take(visits, chat, folder, *shot)
                faults = visits.close()
        finally:
            server.stop()
    for fault in faults:
        print(fault, file=sys.stderr)  # noqa: T201
    return 1 if faults else 0


def take(
    visits: Visits, chat: str, folder: Path, name: str, email: str | None, where: str,
    size: tuple[int, int], dark: bool,
) -> None:  # fmt: skip
    """One picture, of a screen that has settled."""
    page = visits(
        email, width=size[0], height=size[1], dark=dark, reduced_motion="reduce",
        locale="en-GB", timezone_id="Europe/Vienna",
    )  # fmt: skip
    addresses = {"chat": f"#/chats/{chat}", "room": f"#/room/{chat}"}
    page.goto(f"/{addresses.get(where, f'#/{where}')}")
    ARRIVED.get(where, any_screen)(page)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=folder / f"{name}.png", animations="disabled", caret="hide")
    page.context.close()


def in_chat(page: Page) -> None:
    expect(composer(page)).to_be_visible()
    expect(log(page).locator("li.message").last).to_be_visible()


def any_screen(page: Page) -> None:
    expect(page.locator("main, nav").first).to_be_visible()


ARRIVED: dict[str, Callable[[Page], None]] = {"chat": in_chat}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
