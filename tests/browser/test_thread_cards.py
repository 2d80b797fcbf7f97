"""Messages that are more than words: files, pictures, appointments, prescriptions."""

from __future__ import annotations

import base64
import re
from pathlib import Path

from playwright.sync_api import Page, Route, expect

from tests.attachments.files import png, text_of
from tests.browser.axe import axe
from tests.browser.screens import bubble, composer, log, send
from tests.browser.threads import say, stored
from tests.browser.visits import OFFLINE, Visits
from tests.harness.server import LiveServer, Pair

UPLOADS = "**/api/attachments/"
GIVE_FILE = """([kind, name, type, bytes]) => {
    const file = new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], name, { type });
    const data = new DataTransfer();
    data.items.add(file);
    const on = document.querySelector(kind === "paste" ? "textarea" : "[role=log]");
    const event = kind === "paste"
        ? new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true })
        : new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
    on.dispatchEvent(event);
}"""


def attach(page: Page, name: str, kind: str, content: bytes) -> None:
    """By the menu, as one chooses a file."""
    page.get_by_role("button", name="Add a file or an appointment").click()
    with page.expect_file_chooser() as chosen:
        page.get_by_role("menuitem", name="Attach a file").click()
    chosen.value.set_files([{"name": name, "mimeType": kind, "buffer": content}])


def give(page: Page, how: str, name: str, kind: str, content: bytes) -> None:
    page.evaluate(GIVE_FILE, [how, name, kind, base64.b64encode(content).decode()])


def add(page: Page, item: str) -> None:
    page.get_by_role("button", name="Add a file or an appointment").click()
    page.get_by_role("menuitem", name=item).click()


def test_a_file_is_sent_and_saved(patient_page: Page, therapist_page: Page) -> None:
    content = text_of(20_000)
    attach(patient_page, "Sleep diary.txt", "text/plain", content)
    expect(patient_page.get_by_text("ready to send")).to_be_visible()
    send(patient_page, "Here is my diary")
    message = bubble(therapist_page, "Here is my diary")
    expect(message.get_by_text("20 kB")).to_be_visible()
    with therapist_page.expect_download() as saved:
        message.get_by_role("button", name="Download Sleep diary.txt").click()
    assert saved.value.suggested_filename == "Sleep diary.txt"
    assert Path(saved.value.path()).read_bytes() == content


def test_a_picture_is_shown_small_then_large(patient_page: Page, therapist_page: Page) -> None:
    give(patient_page, "paste", "garden.png", "image/png", png(640, 480))
    expect(patient_page.get_by_text("ready to send")).to_be_visible()
    patient_page.get_by_role("button", name="Send", exact=True).click()
    picture = log(therapist_page).get_by_role("button", name="Open garden.png")
    small = picture.get_by_role("img")
    expect(small).to_be_visible()
    assert small.evaluate("img => img.decode().then(() => img.naturalWidth)") == 320
    picture.click()
    large = therapist_page.get_by_role("dialog", name="garden.png")
    expect(large.get_by_role("img")).to_be_visible()
    assert (
        large.get_by_role("img").evaluate("img => img.decode().then(() => img.naturalWidth)") == 640
    )
    axe(therapist_page, "picture")
    therapist_page.keyboard.press("Escape")
    expect(large).to_have_count(0)


def test_a_dropped_file_shows_how_far_it_is_and_can_be_taken_back(
    patient_page: Page, visit: Visits, server: LiveServer, pair: Pair
) -> None:
    held: list[Route] = []
    patient_page.route(UPLOADS, lambda route: held.append(route))
    give(patient_page, "drop", "long.txt", "text/plain", text_of(400_000))
    expect(patient_page.get_by_role("progressbar", name="Sending long.txt")).to_be_visible()
    expect(patient_page.get_by_role("button", name="Send", exact=True)).to_be_disabled()
    patient_page.get_by_role("button", name="Cancel long.txt").click()
    expect(patient_page.get_by_text("long.txt")).to_have_count(0)
    send(patient_page, "Without it, then")
    expect(bubble(patient_page, "Without it, then").locator(".ticks.sent")).to_be_visible()
    assert [m["message_type"] for m in stored(server, pair)] == ["text"]


def test_a_refused_file_says_so_plainly(patient_page: Page, visit: Visits) -> None:
    visit.of(patient_page).expect("status of 415")
    give(patient_page, "drop", "page.html", "text/html", b"<script>alert(1)</script>")
    expect(patient_page.get_by_role("alert").get_by_text("can't be sent")).to_be_visible()
    axe(patient_page, "refused file")
    patient_page.get_by_role("button", name="Remove page.html").click()
    expect(patient_page.get_by_text("page.html")).to_have_count(0)
    expect(composer(patient_page)).to_be_visible()


def test_an_appointment_is_proposed_moved_and_agreed(
    patient_page: Page, therapist_page: Page, server: LiveServer, pair: Pair
) -> None:
    add(therapist_page, "Propose an appointment")
    form = therapist_page.get_by_role("dialog", name="Propose an appointment")
    axe(therapist_page, "appointment form")
    form.get_by_label("Place").fill("Practice, 2nd floor")
    form.get_by_label("Time").fill("10:00")
    form.get_by_role("button", name="Propose").click()
    card = log(patient_page).locator("li.message").filter(has_text="Practice, 2nd floor")
    expect(card.get_by_text("Proposed")).to_be_visible()
    card.get_by_role("button", name="Another time").click()
    other = patient_page.get_by_role("dialog", name="Propose another time")
    other.get_by_label("Time").fill("15:30")
    other.get_by_role("button", name="Propose").click()
    theirs = log(therapist_page).locator("li.message").filter(has_text="Practice, 2nd floor")
    expect(theirs.get_by_text("Other time proposed")).to_be_visible()
    theirs.get_by_role("button", name="Accept").click()
    expect(card.get_by_text("Agreed")).to_be_visible()
    axe(patient_page, "agreed appointment")
    with patient_page.expect_download() as saved:
        card.get_by_role("button", name="Add to calendar").click()
    calendar = Path(saved.value.path()).read_text()
    assert saved.value.suggested_filename == "appointment.ics"
    assert re.search(r"^STATUS:CONFIRMED\s*$", calendar, re.MULTILINE)
    card.get_by_role("button", name="Cancel it").click()
    expect(theirs.get_by_text("Cancelled")).to_be_visible()
    expect(theirs.get_by_role("button", name="Accept")).to_have_count(0)
    (appointment,) = (m for m in stored(server, pair) if m["message_type"] == "appointment")
    assert appointment["payload"]["status"] == "cancelled"


def test_a_refused_time_keeps_what_was_filled_in(
    patient_page: Page, therapist_page: Page, visit: Visits
) -> None:
    add(therapist_page, "Propose an appointment")
    form = therapist_page.get_by_role("dialog", name="Propose an appointment")
    form.get_by_label("Place").fill("Practice")
    form.get_by_label("Time").fill("10:00")
    form.get_by_role("button", name="Propose").click()
    card = log(patient_page).locator("li.message").filter(has_text="Practice")
    card.get_by_role("button", name="Another time").click()
    other = patient_page.get_by_role("dialog", name="Propose another time")
    other.get_by_label("Time").fill("15:30")
    visit.of(patient_page).expect(*OFFLINE)
    patient_page.context.set_offline(True)
    other.get_by_role("button", name="Propose").click()
    expect(other.get_by_role("alert")).not_to_be_empty()
    expect(other.get_by_label("Time")).to_have_value("15:30")
    patient_page.context.set_offline(False)
    other.get_by_role("button", name="Propose").click()
    expect(other).to_have_count(0)
    expect(card.get_by_text("Other time proposed")).to_be_visible()


def test_a_prescription_is_written_and_corrected(
    patient_page: Page, therapist_page: Page, server: LiveServer, pair: Pair
) -> None:
    add(therapist_page, "Write a prescription")
    form = therapist_page.get_by_role("dialog", name="Write a prescription")
    axe(therapist_page, "prescription form")
    form.get_by_label("Drug").fill("Sertraline")
    form.get_by_label("Strength").fill("50 mg")
    form.get_by_label("Dose").fill("1 tablet")
    form.get_by_label("How often").fill("in the evening")
    form.get_by_role("button", name="Send").click()
    cards = log(patient_page).locator("li.message").filter(has_text="Sertraline 50 mg")
    expect(cards).to_have_count(1)
    first = log(therapist_page).locator("li.message").filter(has_text="in the evening")
    first.hover()
    first.get_by_role("button", name="What to do with this message").click()
    expect(therapist_page.get_by_role("menuitem", name="Edit")).to_have_count(0)
    therapist_page.get_by_role("menuitem", name="Correct by a new one").click()
    again = therapist_page.get_by_role("dialog", name="Correct a prescription")
    expect(again.get_by_label("Drug")).to_have_value("Sertraline")
    again.get_by_label("How often").fill("in the morning")
    again.get_by_role("button", name="Send").click()
    expect(cards).to_have_count(2)
    expect(
        cards.filter(has_text="in the evening").get_by_text("Corrected by a later one")
    ).to_be_visible()
    expect(
        cards.filter(has_text="in the morning").get_by_text("Corrects an earlier one")
    ).to_be_visible()
    axe(patient_page, "prescriptions")
    # Whoever sends the same by hand corrects nothing.
    (valid,) = (m for m in stored(server, pair) if m["payload"] and m["payload"].get("replaces"))
    say(server, pair, "patient", "No more of it", payload={"replaces": valid["id"]})
    expect(bubble(therapist_page, "No more of it")).to_be_visible()
    corrected = log(therapist_page).get_by_text("Corrected by a later one")
    expect(corrected).to_have_count(1)


def test_a_patient_writes_no_prescription(patient_page: Page) -> None:
    patient_page.get_by_role("button", name="Add a file or an appointment").click()
    expect(patient_page.get_by_role("menuitem")).to_have_text(
        ["Attach a file", "Propose an appointment"]
    )
