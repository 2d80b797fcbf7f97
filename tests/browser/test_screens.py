"""Every screen: as axe-core judges it in light and dark, on a narrow phone, at twice the size."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import axe
from tests.browser.screens import composer, log
from tests.browser.visits import Visits
from tests.conftest import SERVER_URL
from tests.harness.database import own_database
from tests.harness.server import LiveServer

CHAT = "CHAT_t_abc123_p_uvw012"
THERAPIST, PATIENT, ADMIN = "therapist@demo.test", "patient2@demo.test", "admin@demo.test"

Screen = tuple[str | None, str, Callable[[Page], None]]


def chat(page: Page) -> None:
    expect(composer(page)).to_be_visible()
    expect(log(page)).to_have_attribute("aria-busy", "false")


def caseload(page: Page) -> None:
    links = page.get_by_role("navigation", name="Caseload").locator(f"a[href*={CHAT}]")
    expect(links).to_be_visible()


def any_heading(page: Page) -> None:
    expect(page.locator("main").get_by_role("heading").first).to_be_visible()


def menu(page: Page) -> None:
    chat(page)
    page.get_by_role("button", name="Add a file or an appointment").click()
    expect(page.get_by_role("menu")).to_be_visible()


def appointment(page: Page) -> None:
    menu(page)
    page.get_by_role("menuitem", name="Propose an appointment").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def prescription(page: Page) -> None:
    menu(page)
    page.get_by_role("menuitem", name="Write a prescription").click()
    expect(page.get_by_role("dialog")).to_be_visible()


SCREENS: dict[str, Screen] = {
    "sign-in": (None, "#/", lambda page: expect(page.get_by_label("E-mail")).to_be_visible()),
    "caseload": (THERAPIST, "#/", caseload),
    "therapist's chat": (THERAPIST, f"#/chats/{CHAT}", chat),
    "menu": (THERAPIST, f"#/chats/{CHAT}", menu),
    "appointment": (THERAPIST, f"#/chats/{CHAT}", appointment),
    "prescription": (THERAPIST, f"#/chats/{CHAT}", prescription),
    "room": (THERAPIST, f"#/room/{CHAT}", any_heading),
    "alerts": (THERAPIST, "#/alerts", any_heading),
    "therapist's account": (THERAPIST, "#/account", any_heading),
    "patient's chat": (PATIENT, f"#/chats/{CHAT}", chat),
    "access": (PATIENT, f"#/room/{CHAT}", any_heading),
    "patient's account": (PATIENT, "#/account", any_heading),
    "administrator": (ADMIN, "#/", any_heading),
}

OVERFLOW = """() => {
    const wide = document.documentElement.clientWidth, found = [];
    if (document.documentElement.scrollWidth > wide) found.push("the page scrolls sideways");
    for (const element of document.querySelectorAll("body *")) {
        const { overflowX } = getComputedStyle(element);
        const scrolls = overflowX === "auto" || overflowX === "scroll";
        if (scrolls && element.scrollWidth > element.clientWidth + 1) {
            found.push(`${element.tagName}.${element.className} scrolls sideways`);
        }
        const box = element.getBoundingClientRect();
        const control = element.matches("a, button, input:not(.sr-only), select, textarea");
        const shown = box.width > 1 && element.checkVisibility({ visibilityProperty: true });
        if (control && shown && (box.right > wide + 1 || box.left < -1)) {
            found.push(`${element.outerHTML.slice(0, 120)} is cut off`);
        }
    }
    return found;
}"""


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server whose demo data no other test changes."""
    with own_database(SERVER_URL) as url:
        live = LiveServer(tmp_path_factory.mktemp("clinic"), database_url=url)
        live.start()
        yield live
        live.stop()


@pytest.fixture(scope="module")
def visitors(browser: Browser, clinic: LiveServer) -> Iterator[Visits]:
    """Shared by the tests of this file, which change nothing."""
    visits = Visits(browser, clinic.base)
    yield visits
    faults = visits.close()
    assert not faults, "\n".join(faults)


@pytest.fixture(scope="module")
def at(visitors: Visits) -> Callable[[str, int, int], Page]:
    """A page at a screen, of that size; each person signs in once."""
    pages: dict[str | None, Page] = {}

    def go(name: str, width: int, height: int) -> Page:
        email, address, arrived = SCREENS[name]
        if email not in pages:
            pages[email] = visitors(email, reduced_motion="reduce")
        page = pages[email]
        page.set_viewport_size({"width": width, "height": height})
        page.goto("about:blank")
        page.goto("/" + address)
        arrived(page)
        return page

    return go


At = Callable[[str, int, int], Page]


@pytest.mark.parametrize("name", SCREENS)
def test_axe_finds_nothing_in_light_and_dark(at: At, name: str) -> None:
    for scheme in ("light", "dark"):
        at(name, 1280, 800).emulate_media(color_scheme=scheme, reduced_motion="reduce")
        # Drawn in it from the start: the browser was seen to leave some labels in the other's ink.
        axe(at(name, 1280, 800), f"{name}, {scheme}:")


@pytest.mark.parametrize("name", SCREENS)
def test_nothing_is_cut_off_on_a_narrow_phone_or_at_twice_the_size(at: At, name: str) -> None:
    # A window of 1280 by 800 at 200 % has room for 640 by 400.
    for width, height in ((360, 640), (640, 400), (768, 1024)):
        page = at(name, width, height)
        assert page.evaluate(OVERFLOW) == [], f"{name} at {width}"


@pytest.mark.parametrize("name", ["therapist's chat", "patient's chat"])
@pytest.mark.parametrize(("width", "height"), [(360, 640), (640, 400), (768, 1024)])
def test_one_can_write_and_read_in_any_window(at: At, name: str, width: int, height: int) -> None:
    page = at(name, width, height)
    expect(composer(page)).to_be_in_viewport(ratio=0.95)
    field = composer(page).bounding_box()
    assert field is not None
    assert height - field["y"] - field["height"] < 40, "one writes at the foot of the window"
    expect(log(page).locator("li.message").last).to_be_in_viewport(ratio=0.1)
    if name.startswith("patient"):
        expect(page.get_by_text("Not for emergencies").first).to_be_in_viewport(ratio=0.95)
