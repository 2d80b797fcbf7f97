"""Where one stands in a chat, and what counts as read."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.screens import bubble, log, open_chat, send
from tests.browser.threads import from_end, look_away, read_seq, say, scroll
from tests.browser.visits import Visits
from tests.harness.server import LiveServer, Pair


def lines(count: int, what: str = "Line") -> list[str]:
    return [f"{what} {number:03} of a conversation" for number in range(1, count + 1)]


def test_opens_at_the_first_new_message(visit: Visits, server: LiveServer, pair: Pair) -> None:
    say(server, pair, "therapist", *lines(25, "Old"))
    with server.api(pair.patient_token) as api:
        api.post(f"chats/{pair.chat_id}/mark_all_read/", json={}).raise_for_status()
    say(server, pair, "therapist", *lines(30, "New"))
    page = visit(token=pair.patient_token)
    open_chat(page, pair.chat_id)
    expect(page.get_by_text("New messages")).to_be_in_viewport()
    expect(bubble(page, "New 001")).to_be_in_viewport()
    expect(bubble(page, "New 030")).not_to_be_in_viewport()
    # What was not seen is not read.
    expect(page.get_by_role("button", name="30 new")).to_be_visible()
    assert read_seq(server, pair, "patient") == 25
    page.get_by_role("button", name="30 new").click()
    expect(bubble(page, "New 030")).to_be_in_viewport()
    expect(page.get_by_role("button", name="30 new")).to_have_count(0)
    expect(page).to_have_title("TherapyConnect")
    _until_read(page, server, pair, 55)


def test_far_from_the_end_nothing_moves_and_nothing_is_read(
    patient_page: Page, server: LiveServer, pair: Pair
) -> None:
    say(server, pair, "patient", *lines(40))
    expect(bubble(patient_page, "Line 040")).to_be_in_viewport()
    scroll(patient_page, 400)
    expect(patient_page.get_by_role("button", name="Latest")).to_be_visible()
    top = _top_of(patient_page, "Line 010")
    say(server, pair, "therapist", "Are you there?", "I would like to know.")
    expect(patient_page.get_by_role("button", name="2 new")).to_be_visible()
    expect(patient_page).to_have_title("(2) TherapyConnect")
    assert _top_of(patient_page, "Line 010") == top
    assert read_seq(server, pair, "patient") == 0
    expect(patient_page.get_by_text("New messages")).to_be_attached()
    patient_page.get_by_role("button", name="2 new").click()
    expect(bubble(patient_page, "I would like to know.")).to_be_in_viewport()
    expect(patient_page).to_have_title("TherapyConnect")
    _until_read(patient_page, server, pair, 42)


def test_unseen_is_not_read_and_one_comes_back_to_a_line(
    patient_page: Page, server: LiveServer, pair: Pair
) -> None:
    look_away(patient_page)
    say(server, pair, "therapist", "While you were away")
    expect(bubble(patient_page, "While you were away")).to_be_attached()
    expect(patient_page).to_have_title("(1) TherapyConnect")
    assert read_seq(server, pair, "patient") == 0
    look_away(patient_page, away=False)
    expect(patient_page).to_have_title("TherapyConnect")
    expect(patient_page.get_by_text("New messages")).to_be_visible()
    _until_read(patient_page, server, pair, 1)


def test_at_the_end_it_stays_at_the_end(patient_page: Page, server: LiveServer, pair: Pair) -> None:
    for number in range(1, 31):
        say(server, pair, "therapist" if number % 3 else "patient", f"Turn {number:02}, " * number)
        if number % 10 == 0:
            expect(bubble(patient_page, f"Turn {number:02}, ")).to_be_in_viewport()
            assert from_end(patient_page) <= 1
    scroll(patient_page, 0)
    send(patient_page, "My own words are seen")
    expect(bubble(patient_page, "My own words are seen")).to_be_in_viewport()


def test_what_grows_moves_nobody_from_the_end(
    visit: Visits, server: LiveServer, pair: Pair
) -> None:
    """What has become of an alert comes after the message that raised it."""
    say(server, pair, "patient", *lines(20))
    say(server, pair, "patient", "I am not doing well", emergency=True)
    page = visit(token=pair.patient_token, width=360, height=640)
    open_chat(page, pair.chat_id)
    message = bubble(page, "I am not doing well")
    expect(message.get_by_text("your therapist")).to_be_in_viewport()
    expect(message.locator(".meta")).to_be_in_viewport(ratio=1)
    assert from_end(page) <= 1


def test_older_ones_load_and_nothing_jumps(visit: Visits, server: LiveServer, pair: Pair) -> None:
    say(server, pair, "patient", *lines(130))
    page = visit(token=pair.patient_token)
    open_chat(page, pair.chat_id)
    expect(bubble(page, "Line 130")).to_be_in_viewport()
    while bubble(page, "Line 001").count() == 0:
        moved: float = log(page).evaluate(SCROLL_AND_WATCH)
        assert moved <= 2, f"the reader's line moved by {moved} px"
    scroll(page, 0)
    expect(bubble(page, "Line 001")).to_be_in_viewport()
    expect(page.get_by_text("This is where the chat begins.")).to_be_visible()


# Up by a step; then, over some frames in which older messages come and far ones go, what is seen
# stays where it is.
SCROLL_AND_WATCH = """async (log) => {
    const frame = () => new Promise(requestAnimationFrame);
    log.scrollTop -= 600;
    await frame();
    const edge = log.getBoundingClientRect().top;
    const below = (li) => li.getBoundingClientRect().top > edge;
    const seen = [...log.querySelectorAll("li.message")].find(below);
    const top = seen.getBoundingClientRect().top;
    let most = 0;
    for (let frames = 0; frames < 12; frames += 1) {
        await frame();
        most = Math.max(most, Math.abs(seen.getBoundingClientRect().top - top));
    }
    return most;
}"""


def test_the_day_stays_in_sight(visit: Visits, server: LiveServer, pair: Pair) -> None:
    say(server, pair, "patient", *lines(40))
    # As if the first half had been said yesterday.
    server.sql(
        "UPDATE messaging_message SET created_at = created_at - interval '1 day'"
        " WHERE chat_id = %s AND seq <= 20",
        [pair.chat_id],
    )
    page = visit(token=pair.patient_token, timezone_id="UTC")
    open_chat(page, pair.chat_id)
    today, yesterday = (page.get_by_role("heading", name=day) for day in ("Today", "Yesterday"))
    expect(today).to_be_in_viewport()
    scroll(page, 500)
    expect(bubble(page, "Line 010")).to_be_in_viewport()
    expect(yesterday).to_be_in_viewport()
    box, frame = yesterday.bounding_box(), log(page).bounding_box()
    assert box is not None
    assert frame is not None
    assert 0 <= box["y"] - frame["y"] < 20  # at the top, though its own place is far above


def _top_of(page: Page, text: str) -> float:
    return float(bubble(page, text).evaluate("li => li.getBoundingClientRect().top"))


def _until_read(page: Page, server: LiveServer, pair: Pair, seq: int) -> None:
    """The horizon moves soon after, not in the same moment."""
    for _ in range(100):
        if read_seq(server, pair, "patient") == seq:
            return
        page.wait_for_timeout(100)
    assert read_seq(server, pair, "patient") == seq


def test_a_jump_leads_to_what_is_quoted(visit: Visits, server: LiveServer, pair: Pair) -> None:
    (first, *_) = say(server, pair, "patient", *lines(120))
    say(server, pair, "patient", "As I said then", reply_to=first["id"])
    page = visit(token=pair.patient_token)
    open_chat(page, pair.chat_id)
    assert bubble(page, "Line 001").count() == 1  # only in the quote
    page.get_by_role("button", name="Go to the message this answers").click()
    original: Any = log(page).locator(f"li[data-id='{first['id']}']")
    expect(original).to_be_in_viewport()
    expect(original).to_be_focused()
