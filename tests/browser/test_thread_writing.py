"""Writing in a chat: there at once, sent once, kept until then."""

from __future__ import annotations

import json
import re
from typing import Any

from playwright.sync_api import Page, Route, expect

from tests.browser.screens import bubble, composer, log, open_chat, send
from tests.browser.threads import stored
from tests.browser.visits import Visits
from tests.harness.server import LiveServer, Pair
from tests.harness.sockets import user_socket

SENDING = "**/api/messages/send_message/"
OWN_BUBBLE = """(text) => new Promise((resolve) => {
    const field = document.querySelector("textarea");
    const log = document.querySelector("[role=log]");
    const own = () => [...log.querySelectorAll("li.outgoing")];
    const there = () => own().some((li) => li.innerText.includes(text));
    const begun = performance.now();
    const seen = new MutationObserver(() => {
        if (!there()) return;
        seen.disconnect();
        resolve(performance.now() - begun);
    });
    seen.observe(log, { childList: true, subtree: true });
    const enter = { key: "Enter", bubbles: true, cancelable: true };
    field.dispatchEvent(new KeyboardEvent("keydown", enter));
})"""


def refusal(code: str, detail: str) -> dict[str, Any]:
    body = {
        "type": "client_error",
        "errors": [{"code": code, "detail": detail, "attr": None}],
        "request_id": "r",
    }
    return {"status": 403, "content_type": "application/json", "body": json.dumps(body)}


def test_own_bubble_is_there_at_once_as_a_clock(patient_page: Page, record_property: Any) -> None:
    """Within 100 ms of Enter, whatever the server does: here it does not answer."""
    held: list[Route] = []
    patient_page.route(SENDING, lambda route: held.append(route))
    times = []
    for number in range(3):
        composer(patient_page).fill(f"At once {number}")
        times.append(patient_page.evaluate(OWN_BUBBLE, f"At once {number}"))
    record_property("measured", f"own bubble after {min(times):.0f} to {max(times):.0f} ms")
    assert min(times) < 100
    first = bubble(patient_page, "At once 0")
    expect(first.get_by_text("Sending")).to_be_attached()
    expect(first).to_have_attribute("aria-label", "You, Sending: At once 0")
    for route in held:
        route.continue_()
    patient_page.unroute(SENDING)
    expect(bubble(patient_page, "At once 2").get_by_text("Sent")).to_be_visible()


def test_a_refused_one_can_be_sent_again_and_is_there_once(
    patient_page: Page, visit: Visits, server: LiveServer, pair: Pair
) -> None:
    visit.of(patient_page).expect("status of 403")
    patient_page.route(SENDING, lambda route: route.fulfill(**refusal("permission_denied", "No.")))
    send(patient_page, "Refused at first")
    failed = bubble(patient_page, "Refused at first")
    expect(failed.get_by_text("Not sent")).to_be_visible()
    patient_page.unroute(SENDING)
    failed.get_by_role("button", name="Retry").click()
    expect(failed.locator(".ticks.sent")).to_be_visible()
    expect(failed).to_have_count(1)
    assert [message["text"] for message in stored(server, pair)] == ["Refused at first"]


def test_a_refused_one_can_be_thrown_away(
    patient_page: Page, visit: Visits, server: LiveServer, pair: Pair
) -> None:
    visit.of(patient_page).expect("status of 403")
    patient_page.route(SENDING, lambda route: route.fulfill(**refusal("permission_denied", "No.")))
    send(patient_page, "Thought better of")
    failed = bubble(patient_page, "Thought better of")
    failed.get_by_role("button", name="Delete").click()
    expect(failed).to_have_count(0)
    patient_page.reload()
    expect(log(patient_page)).to_have_attribute("aria-busy", "false")
    expect(bubble(patient_page, "Thought better of")).to_have_count(0)
    assert stored(server, pair) == []


def test_a_lost_answer_doubles_nothing(
    patient_page: Page, visit: Visits, server: LiveServer, pair: Pair
) -> None:
    """The server has it, the answer is lost, it is asked again by itself."""
    visit.of(patient_page).expect("net::ERR_FAILED")
    lost: list[int] = []

    def lose_the_first(route: Route) -> None:
        if lost:
            return route.continue_()
        lost.append(route.fetch().status)
        route.abort()

    patient_page.route(SENDING, lose_the_first)
    send(patient_page, "Said once")
    expect(bubble(patient_page, "Said once").locator(".ticks.sent")).to_be_visible()
    send(patient_page, "And then another")
    expect(bubble(patient_page, "And then another").locator(".ticks.sent")).to_be_visible()
    expect(bubble(patient_page, "Said once")).to_have_count(1)
    assert lost == [201]
    assert [m["text"] for m in stored(server, pair)] == ["Said once", "And then another"]


def test_enter_sends_and_shift_enter_breaks_the_line(
    patient_page: Page, server: LiveServer, pair: Pair
) -> None:
    field = composer(patient_page)
    field.press_sequentially("One line")
    field.press("Shift+Enter")
    field.press_sequentially("and another")
    field.press("Enter")
    expect(bubble(patient_page, "and another").locator(".ticks.sent")).to_be_visible()
    expect(field).to_have_value("")
    field.fill("   ")
    field.press("Enter")  # nothing to say
    assert [message["text"] for message in stored(server, pair)] == ["One line\nand another"]


def test_on_a_touched_screen_the_button_sends(
    visit: Visits, server: LiveServer, pair: Pair
) -> None:
    page = visit(token=pair.patient_token, width=360, height=740, has_touch=True, is_mobile=True)
    open_chat(page, pair.chat_id)
    composer(page).press_sequentially("First")
    composer(page).press("Enter")
    composer(page).press_sequentially("second")
    page.get_by_role("button", name="Send").tap()
    expect(bubble(page, "second").locator(".ticks.sent")).to_be_visible()
    assert [message["text"] for message in stored(server, pair)] == ["First\nsecond"]


def test_ticks_tell_by_word_how_far_it_got(therapist_page: Page, visit: Visits, pair: Pair) -> None:
    send(therapist_page, "How are you today?")
    mine = bubble(therapist_page, "How are you today?")
    expect(mine.get_by_text("Sent", exact=True)).to_be_visible()
    page = visit(token=pair.patient_token)
    # Their only chat is open at once; it is looked at from elsewhere, so not read.
    expect(mine.get_by_text("Read", exact=True)).to_be_visible()
    expect(mine.get_by_text("Sent", exact=True)).to_have_count(0)
    page.get_by_role("link", name="Account").click()
    send(therapist_page, "And now?")
    expect(bubble(therapist_page, "And now?").get_by_text("Delivered")).to_be_visible()
    open_chat(page, pair.chat_id)
    latest = bubble(therapist_page, "And now?")
    expect(latest.get_by_text("Read", exact=True)).to_be_visible()
    expect(latest).to_have_attribute("aria-label", re.compile("^You, .*, Read: And now"))
    # An earlier one has its word too, for who can't see the sign.
    expect(mine.get_by_text("Read", exact=True)).to_be_attached()


def test_a_draft_outlives_a_reload_and_not_the_session(
    patient_page: Page, visit: Visits, pair: Pair
) -> None:
    # How the server says that a session is gone.
    visit.of(patient_page).expect("status of 401.*auth/session", "status of 400.*tokens/refresh")
    composer(patient_page).fill("Begun, and not sent")
    patient_page.reload()
    expect(composer(patient_page)).to_have_value("Begun, and not sent")
    # What the page asks is answered first: after the session's end it would be refused.
    with patient_page.expect_response(lambda answer: "auth/sessions" in answer.url):
        patient_page.get_by_role("link", name="Account").click()
    expect(patient_page.get_by_text("Set up an authenticator app")).to_be_visible()
    patient_page.get_by_role("button", name="Log out").click()
    expect(patient_page.get_by_label("Password")).to_be_visible()
    assert patient_page.evaluate("JSON.stringify([localStorage, sessionStorage])") == "[{},{}]"
    again = visit.another_tab(patient_page)
    expect(again.get_by_label("Password")).to_be_visible()


def test_typing_is_seen_and_ends_by_itself(
    patient_page: Page, server: LiveServer, pair: Pair
) -> None:
    typing = patient_page.get_by_text("is writing")
    with user_socket(server, pair.therapist_id, pair.therapist_token) as socket:
        socket.send("typing", chat_id=pair.chat_id, is_typing=True)
        expect(typing).to_be_visible()
        # Nothing more is said of it: it is believed for five seconds.
        expect(typing).to_have_count(0, timeout=20_000)


def test_what_is_typed_is_told_but_not_at_each_key(
    patient_page: Page, server: LiveServer, pair: Pair
) -> None:
    with user_socket(server, pair.therapist_id, pair.therapist_token) as socket:
        composer(patient_page).press_sequentially("a good many keys")
        socket.until("typing_indicator", is_typing=True, timeout=20)
        composer(patient_page).press("Enter")
        socket.until("typing_indicator", is_typing=False, timeout=20)
        told = [frame for frame in socket.received if frame["type"] == "typing_indicator"]
        assert len(told) == 2


def test_who_may_not_write_is_told_why(patient_page: Page, server: LiveServer, pair: Pair) -> None:
    expect(composer(patient_page)).to_be_visible()
    room = f"chat-rooms/{pair.chat_id.replace('CHAT_', 'ROOM_')}"
    with server.api(pair.therapist_token) as api:
        permit = f"{room}/update_permissions/"
        api.post(permit, json={"patient_can_send": False}).raise_for_status()
        expect(patient_page.get_by_text("switched off writing")).to_be_visible()
        expect(composer(patient_page)).to_have_count(0)
        api.post(permit, json={"patient_can_send": True}).raise_for_status()
        expect(composer(patient_page)).to_be_visible()
        status = f"chats/{pair.chat_id}/update_status/"
        api.post(status, json={"status": "archived"}).raise_for_status()
        expect(patient_page.get_by_text("This chat is archived")).to_be_visible()
        api.post(status, json={"status": "active"}).raise_for_status()
        expect(composer(patient_page)).to_be_visible()
        api.post(status, json={"status": "blocked"}).raise_for_status()
        expect(patient_page.get_by_text("This chat is blocked")).to_be_visible()
