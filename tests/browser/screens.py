"""What a person does on the client's screens, by the names that they read there."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.harness.server import PASSWORD, Pair


def email_of(user_id: str) -> str:
    """Of one of `loadusers`' accounts."""
    return f"{user_id}@demo.test"


def sign_in(page: Page, email: str, password: str = PASSWORD) -> None:
    """Through the form, until the first screen is there."""
    fill_in(page, email, password)
    # What everybody has: an administrator has no account page here.
    expect(page.locator("header.topbar, main:has(button:text('Log out'))").first).to_be_visible()


def fill_in(page: Page, email: str, password: str = PASSWORD) -> None:
    """The form, without asking what becomes of it."""
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def open_chat(page: Page, chat_id: str) -> None:
    """By its address, as a link or a bookmark leads there."""
    page.evaluate("address => { location.hash = address }", f"#/chats/{chat_id}")
    expect(log(page)).to_have_attribute("aria-busy", "false")


def log(page: Page) -> Locator:
    """The messages."""
    return page.get_by_role("log")


def composer(page: Page) -> Locator:
    return page.get_by_label("Write a message")


def send(page: Page, text: str) -> None:
    """As one does: write, Enter."""
    composer(page).fill(text)
    composer(page).press("Enter")


def bubble(page: Page, text: str) -> Locator:
    """The message that says `text`, on its way out or there."""
    return log(page).locator("li.message").filter(has_text=text)


def texts(page: Page) -> list[str]:
    """What all drawn messages say, in their order."""
    return log(page).locator("li.message .text").all_inner_texts()


def both(pair: Pair) -> tuple[str, str]:
    """The therapist's and the patient's e-mail."""
    return email_of(pair.therapist_id), email_of(pair.patient_id)


def log_out(page: Page) -> None:
    page.get_by_role("link", name="Account").click()
    page.get_by_role("button", name="Log out").click()
