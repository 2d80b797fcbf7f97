"""A therapist and emergencies: seen and heard anywhere, taken by a person, and over."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.screens import bubble, email_of, open_chat
from tests.browser.test_caseload import both_themes
from tests.browser.visits import Visits
from tests.browser.wards import Ward, admit
from tests.harness.server import LiveServer, Pair


def call(server: LiveServer, pair: Pair, text: str) -> str:
    """The patient's urgent message; its alert's id."""
    with server.api(pair.patient_token) as api:
        body = {"chat_id": pair.chat_id, "text": text, "emergency": True}
        sent = api.post("messages/send_message/", json=body)
    assert sent.status_code == 201, sent.text
    return str(sent.json()["emergency_alert"]["id"])


def card(page: Page, text: str) -> Locator:
    return page.locator("li.alert-card").filter(has_text=text)


def bell(page: Page) -> Locator:
    return page.get_by_role("link", name=re.compile("^Emergencies"))


def test_it_is_seen_and_heard_wherever_one_is(
    visit: Visits, pair: Pair, server: LiveServer
) -> None:
    (other,) = admit(server, pair, [Ward("Other", "Ward", ["hello"])])
    page = visit(email_of(pair.therapist_id))
    open_chat(page, other)
    strip = page.get_by_role("complementary", name="Urgent")
    expect(strip.get_by_role("link", name="See it")).to_have_count(0)
    call(server, pair, "I can't go on")
    name = f"Load {pair.patient_id[2:]}"
    expect(strip.get_by_role("alert")).to_have_text(f"Urgent message from {name}.")
    expect(strip.locator("p")).to_contain_text(
        f"Urgent message from {name} Nobody has taken it yet"
    )
    expect(bell(page)).to_have_accessible_name("Emergencies 1 open")
    both_themes(page, "strip")
    strip.get_by_role("link", name="See it").click()
    expect(page.get_by_role("heading", name="Emergencies")).to_be_visible()
    expect(card(page, "I can't go on")).to_be_visible()


def test_taken_and_over(visit: Visits, pair: Pair, server: LiveServer) -> None:
    alert = call(server, pair, "Please call me")
    page = visit(email_of(pair.therapist_id))
    bell(page).click()
    mine = card(page, "Please call me")
    expect(mine.locator(".state")).to_have_text(
        "It has reached a device of yours. Nobody has taken it yet."
    )
    both_themes(page, "open alert")
    mine.get_by_role("button", name="I take it").click()
    expect(mine.locator(".state")).to_contain_text("Acknowledged by you: Today")
    expect(mine.get_by_role("button", name="I take it")).to_have_count(0)
    with server.api(pair.patient_token) as api:
        (seen,) = api.get("emergencies/").json()["results"]
    assert (seen["id"], seen["state"]) == (alert, "acknowledged")
    mine.get_by_role("button", name="It is over…").click()
    both_themes(page, "is it over")
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(mine.locator(".state")).to_contain_text("Acknowledged")
    mine.get_by_role("button", name="It is over…").click()
    page.get_by_role("dialog").get_by_role("button", name="It is over").click()
    expect(page.get_by_role("heading", name="None open")).to_be_visible()
    expect(page.get_by_role("heading", name="Earlier")).to_be_visible()
    expect(mine.locator(".state")).to_contain_text("Over: Today")
    expect(bell(page)).to_have_accessible_name("Emergencies")
    page.reload()
    expect(mine.locator(".state")).to_contain_text("Over: Today")
    both_themes(page, "earlier alerts")
    page.set_viewport_size({"width": 1280, "height": 800})
    mine.get_by_role("link", name="Open the chat").click()
    expect(bubble(page, "Please call me")).to_be_focused()


def test_its_state_is_the_server_s_and_comes_live(
    visit: Visits, pair: Pair, server: LiveServer
) -> None:
    """Taken at another device; and what nobody took in time is said as just that."""
    alert = call(server, pair, "first")
    page = visit(email_of(pair.therapist_id))
    bell(page).click()
    expect(card(page, "first").locator(".state")).to_contain_text("Nobody has taken it yet")
    with server.api(pair.therapist_token) as api:
        api.post(f"emergencies/{alert}/acknowledge/").raise_for_status()
    expect(card(page, "first").locator(".state")).to_contain_text("Acknowledged by you")
    second = call(server, pair, "second")
    expect(card(page, "second").locator(".state")).to_contain_text("Nobody has taken it yet")
    # The one that waits stands above the one that is taken.
    expect(page.locator("li.alert-card blockquote")).to_have_text(["second", "first"])
    with server.api(pair.therapist_token) as api:
        (found,) = [a for a in api.get("emergencies/").json()["results"] if a["id"] == second]
        api.post(f"emergencies/{second}/resolve/").raise_for_status()
    assert found["state"] == "delivered"
    expect(card(page, "second").locator(".state")).to_contain_text("Over")
    expect(page.get_by_role("heading", name="1 open")).to_be_visible()
    # A message that is gone is not shown here either.
    with server.api(pair.patient_token) as api:
        api.post(f"messages/{found['message_id']}/delete_message/").raise_for_status()
    page.reload()
    expect(page.locator("li.alert-card").get_by_text("The message was deleted.")).to_be_visible()
    assert "help is coming" not in page.content().lower()
