"""In and out: password, second factor, passkey; what log-out leaves behind."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.screens import email_of, fill_in
from tests.browser.visits import Visits
from tests.harness.server import Pair


def test_a_wrong_password_is_said_plainly(visit: Visits, pair: Pair) -> None:
    page = visit(expects=[r"status of 400"])
    fill_in(page, email_of(pair.patient_id), "not the password")
    expect(page.get_by_role("alert")).to_contain_text("don't match")
    assert page.get_by_label("E-mail").input_value() == email_of(pair.patient_id)
    fill_in(page, email_of(pair.patient_id))
    expect(page.get_by_role("log")).to_be_visible()
