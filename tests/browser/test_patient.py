"""What a patient has in sight: whom to call, their chat, and who can read it."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.axe import axe
from tests.browser.screens import composer, email_of, log, open_chat
from tests.browser.visits import OFFLINE, Visits
from tests.harness.server import LiveServer, Pair


def safety(page: Page) -> Locator:
    return page.get_by_role("complementary", name="In an emergency")


def live_in(server: LiveServer, pair: Pair, region: str) -> None:
    with server.api(pair.patient_token) as api:
        api.patch("me/settings/", json={"region": region}).raise_for_status()


@pytest.fixture
def swiss(visit: Visits, pair: Pair, server: LiveServer) -> Page:
    """A patient in Switzerland, with a narrow phone."""
    live_in(server, pair, "CH")
    return visit(email_of(pair.patient_id), width=360, height=640)


def test_the_local_number_is_always_in_sight(swiss: Page, pair: Pair, visit: Visits) -> None:
    number = safety(swiss).get_by_role("link", name="144")
    expect(number).to_have_attribute("href", "tel:144")
    for address in ("", f"chats/{pair.chat_id}", f"room/{pair.chat_id}", "account"):
        swiss.evaluate("address => { location.hash = address }", f"#/{address}")
        expect(safety(swiss)).to_contain_text("Not for emergencies")
        expect(number).to_be_in_viewport(ratio=1)
    # And where there is no line at all.
    visit.of(swiss).expect(*OFFLINE)
    swiss.context.set_offline(True)
    expect(swiss.get_by_role("status").get_by_text("offline")).to_be_visible()
    expect(number).to_be_in_viewport(ratio=1)
    safety(swiss).get_by_role("button", name="More help").click()
    dialog = swiss.get_by_role("dialog", name="Whom you can call")
    expect(dialog.get_by_role("link", name="143", exact=False).first).to_be_visible()


def test_a_number_outlives_a_reload_while_the_server_tells_none(swiss: Page, visit: Visits) -> None:
    expect(safety(swiss).get_by_role("link", name="144")).to_be_visible()
    visit.of(swiss).expect("net::ERR_FAILED")
    swiss.route("**/crisis-resources/", lambda route: route.abort())
    kept = swiss.evaluate("localStorage.getItem('therapyconnect.crisis')")
    assert "144" in kept
    with swiss.expect_event("requestfailed", lambda one: "crisis-resources" in one.url):
        swiss.goto("/")
    expect(safety(swiss).get_by_role("link", name="144")).to_be_visible()


def test_an_unknown_region_gets_no_number_and_can_be_said(
    visit: Visits, pair: Pair, server: LiveServer
) -> None:
    page = visit(email_of(pair.patient_id))
    expect(safety(page)).to_contain_text("call your local emergency number")
    expect(safety(page).get_by_role("link")).to_have_count(0)
    safety(page).get_by_role("button", name="More help").click()
    page.get_by_label("Where you are").select_option(label="Switzerland")
    expect(page.get_by_role("dialog").get_by_role("link", name="144")).to_be_visible()
    page.keyboard.press("Escape")
    expect(safety(page).get_by_role("link", name="144")).to_be_visible()
    with server.api(pair.patient_token) as api:
        assert api.get("me/settings/").json()["region"] == "CH"


def test_a_narrow_phone_shows_line_composer_and_urgent_button_at_once(
    swiss: Page, pair: Pair
) -> None:
    open_chat(swiss, pair.chat_id)
    # As with the keyboard of a phone open: the page gets what is left of the height.
    for height in (640, 340):
        swiss.set_viewport_size({"width": 360, "height": height})
        for part in (
            safety(swiss).get_by_role("link", name="144"),
            composer(swiss),
            swiss.get_by_role("button", name="Urgent"),
        ):
            expect(part).to_be_in_viewport(ratio=0.99)
        assert swiss.evaluate("document.documentElement.scrollWidth") <= 360


def test_their_one_chat_is_there_at_once(visit: Visits, pair: Pair) -> None:
    page = visit(email_of(pair.patient_id))
    expect(log(page)).to_be_visible()
    expect(composer(page)).to_be_visible()


def test_an_address_of_another_s_chat_leads_to_one_s_own(visit: Visits, pair: Pair) -> None:
    """Somebody else was signed in here, and their address is still there."""
    page = visit(email_of(pair.patient_id))
    page.evaluate("location.hash = '#/chats/CHAT_t_other_p_other'")
    page.reload()
    expect(log(page)).to_be_visible()
    expect(page.get_by_role("button", name="Urgent")).to_be_visible()


def test_several_chats_are_a_list(
    visit: Visits, pair: Pair, other_pair: Pair, server: LiveServer, admin_token: str
) -> None:
    with server.api(admin_token) as api:
        body = {"therapist_id": other_pair.therapist_id, "patient_id": pair.patient_id}
        api.post("care-relationships/", json=body).raise_for_status()
        api.post("chats/create_or_get_chat/", json=body).raise_for_status()
    page = visit(email_of(pair.patient_id))
    links = page.get_by_role("main").get_by_role("link")
    expect(links).to_have_count(2)
    links.first.click()
    expect(log(page)).to_be_visible()


def test_who_can_read_it_is_told_plainly_and_follows_what_the_therapist_sets(
    visit: Visits, pair: Pair, server: LiveServer
) -> None:
    page = visit(email_of(pair.patient_id))
    page.get_by_role("link", name="Who can read this chat").click()
    main = page.get_by_role("main")
    expect(main).to_contain_text("not end-to-end encrypted")
    expect(main).to_contain_text("support staff")
    expect(main).to_contain_text("You can write in this chat.")
    with server.api(pair.therapist_token) as api:
        room = api.get(f"chats/{pair.chat_id}/").json()["room"]["id"]
        change = {"patient_can_send": False, "patient_can_see_history": False}
        answer: httpx.Response = api.post(f"chat-rooms/{room}/update_permissions/", json=change)
        answer.raise_for_status()
    expect(main).to_contain_text("switched off writing")
    expect(main).to_contain_text("is hidden from you")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        axe(page, f"who can read, {scheme}:")
    page.get_by_role("link", name="Back to the chat").click()
    expect(page.get_by_role("button", name="Urgent")).to_be_visible()
