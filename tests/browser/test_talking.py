"""Two people, each in a browser of their own."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.screens import bubble, send


def test_two_browsers_chat_with_each_other(therapist_page: Page, patient_page: Page) -> None:
    send(patient_page, "Good evening, are you there?")
    expect(bubble(therapist_page, "Good evening, are you there?")).to_be_visible()
    expect(bubble(patient_page, "Good evening").locator(".ticks.read")).to_be_visible()
    send(therapist_page, "I am. How was your day?")
    expect(bubble(patient_page, "How was your day?")).to_be_visible()
    expect(bubble(therapist_page, "How was your day?").locator(".ticks.read")).to_be_visible()
    for page in (therapist_page, patient_page):
        expect(bubble(page, "")).to_have_count(2)
