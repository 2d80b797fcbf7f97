"""A room as its therapist arranges it: what it is for, who may what, and how a chat is closed."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.screens import bubble, composer, log, send
from tests.browser.test_caseload import both_themes
from tests.browser.visits import OFFLINE, Visits
from tests.harness.server import LiveServer, Pair


@pytest.fixture
def page(therapist_page: Page) -> Page:
    """At the room of `pair`, by the way that one goes there."""
    therapist_page.get_by_role("link", name="Room settings").click()
    expect(therapist_page.get_by_role("heading", name=re.compile("^Room with"))).to_be_visible()
    return therapist_page


def name(pair: Pair) -> str:
    return f"Load {pair.patient_id[2:]}"


def switch(page: Page, label: str) -> Locator:
    return page.get_by_role("switch", name=label)


def confirm(page: Page, button: str, *, tick: bool = False) -> None:
    dialog = page.get_by_role("dialog")
    deed = dialog.get_by_role("button", name=button, exact=True)
    if tick:
        expect(deed).to_be_disabled()
        dialog.get_by_role("checkbox").check()
    deed.click()
    expect(dialog).to_have_count(0)


def room_of(server: LiveServer, pair: Pair) -> dict[str, object]:
    with server.api(pair.patient_token) as api:
        room: dict[str, object] = api.get(f"chats/{pair.chat_id}/").json()["room"]
    return room


def test_what_it_is_for(page: Page, pair: Pair, server: LiveServer) -> None:
    page.get_by_label("Type").select_option("Consultation")
    page.get_by_label("Description").fill("Sleep, twice a month")
    page.get_by_role("button", name="Save description").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    for tag in ("sleep", "evenings"):
        page.get_by_label("Tags", exact=True).fill(tag)
        page.get_by_label("Tags", exact=True).press("Enter")
        expect(page.get_by_role("list", name="Tags of this room")).to_contain_text(tag)
    page.get_by_role("button", name="Remove tag sleep").click()
    expect(page.get_by_role("list", name="Tags of this room")).to_have_text("evenings")
    room = room_of(server, pair)
    assert (room["room_type"], room["description"]) == ("consultation", "Sleep, twice a month")
    assert room["tags"] == ["evenings"]
    # Changed at another device: shown as it comes.
    with server.api(pair.therapist_token) as api:
        body = {"description": "Sleep, weekly", "tags": ["weekly"]}
        api.patch(f"chat-rooms/{room['id']}/", json=body).raise_for_status()
    expect(page.get_by_label("Description")).to_have_value("Sleep, weekly")
    expect(page.get_by_role("list", name="Tags of this room")).to_have_text("weekly")
    both_themes(page, "room")


def test_who_may_write_and_see_what(page: Page, patient_page: Page, pair: Pair) -> None:
    send(patient_page, "said before")
    expect(bubble(patient_page, "said before").locator(".ticks:not(.waiting)")).to_be_visible()
    may_write = switch(page, f"{name(pair)} may write")
    expect(may_write).to_be_checked()
    may_write.click()
    expect(may_write).not_to_be_checked()
    expect(composer(patient_page)).to_have_count(0)
    may_write.click()
    expect(composer(patient_page)).to_be_visible()
    sees = switch(page, f"{name(pair)} sees what was said before")
    sees.click()
    both_themes(page, "hide the history")
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(sees).to_be_checked()
    sees.click()
    confirm(page, "Hide it")
    expect(sees).not_to_be_checked()
    expect(bubble(patient_page, "said before")).to_have_count(0)
    sees.click()
    expect(bubble(patient_page, "said before")).to_be_visible()
    loud = switch(page, "Notify me about this chat")
    loud.click()
    expect(loud).not_to_be_checked()
    page.reload()
    expect(loud).not_to_be_checked()


def test_a_refusal_is_said_at_its_control(page: Page, visit: Visits, pair: Pair) -> None:
    visit.of(page).expect(*OFFLINE)
    page.context.set_offline(True)
    may_write = switch(page, "You may write")
    may_write.click()
    setting = page.locator(".setting").filter(has=may_write)
    expect(setting.get_by_role("alert")).to_contain_text("can't be reached")
    expect(may_write).to_be_checked()
    page.context.set_offline(False)
    expect(page.get_by_role("status").get_by_text("offline")).to_have_count(0)
    may_write.click()
    expect(may_write).not_to_be_checked()
    expect(setting.get_by_role("alert")).to_be_empty()


def test_archived_blocked_and_open_again(page: Page, patient_page: Page) -> None:
    for close, sure, reopen in (
        ("Archive room", None, "Open room"),
        ("Archive chat…", "Archive", "Take out of the archive"),
        ("Block…", "Block", "Unblock"),
    ):
        page.get_by_role("button", name=close).click()
        if sure is not None:
            confirm(page, sure)
        expect(page.get_by_role("button", name=reopen)).to_be_visible()
        page.get_by_role("button", name=reopen).click()
        expect(page.get_by_role("button", name=close)).to_be_visible()
    expect(composer(patient_page)).to_be_visible()


def test_another_s_block_is_not_mine_to_lift(
    page: Page, visit: Visits, pair: Pair, server: LiveServer
) -> None:
    with server.api(pair.patient_token) as api:
        body = {"status": "blocked"}
        api.post(f"chats/{pair.chat_id}/update_status/", json=body).raise_for_status()
    visit.of(page).expect(r"status of 403")
    page.get_by_role("button", name="Unblock").click()
    expect(page.get_by_role("alert").filter(has_text="only they can lift")).to_be_visible()


def test_the_end_of_care_leaves_both_to_read(page: Page, patient_page: Page, pair: Pair) -> None:
    send(patient_page, "Thank you for everything")
    expect(bubble(patient_page, "Thank you").locator(".ticks:not(.waiting)")).to_be_visible()
    page.get_by_role("button", name="End it…").click()
    both_themes(page, "end of care")
    confirm(page, "End the care relationship", tick=True)
    expect(page.get_by_text("What was said stays to be read")).to_be_visible()
    expect(composer(patient_page)).to_have_count(0)
    expect(bubble(patient_page, "Thank you for everything")).to_be_visible()


def test_a_deleted_chat_is_gone(page: Page, pair: Pair) -> None:
    page.get_by_role("button", name="Delete chat…").click()
    confirm(page, "Delete the chat", tick=True)
    expect(page.get_by_text(f"The chat with {name(pair)} was deleted.")).to_be_visible()
    expect(page.get_by_text("You have no chats yet.")).to_be_visible()
    expect(log(page)).to_have_count(0)


def test_the_way_back(page: Page) -> None:
    page.get_by_role("button", name="Back to the chat").click()
    expect(log(page)).to_be_visible()
