"""One's own account: wishes, this browser, second factor, passkeys, password, devices."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect
from qrcode import QRCode, constants
from qrcode.util import MODE_8BIT_BYTE, QRData

from tests.accounts.api import code_of
from tests.browser.accounts import virtual_authenticator
from tests.browser.axe import axe
from tests.browser.screens import email_of, fill_in, log, log_out
from tests.browser.visits import Visits
from tests.harness.server import PASSWORD, LiveServer, Pair

REFUSED = r"status of (400|401|404)"
"""What the browser writes of "it is asked who is there" and of "there is no app yet"."""
COUNT_ASKING = """() => {
    const ask = Notification.requestPermission.bind(Notification);
    window.asked = 0;
    Notification.requestPermission = () => { window.asked += 1; return ask(); };
}"""
NEW_PASSWORD = "another-therapyconnect"


@pytest.fixture
def page(visit: Visits, pair: Pair, server: LiveServer) -> Page:
    """A patient at their account page, by a name that passkeys may belong to."""
    page = visit(
        email_of(pair.patient_id), base=f"http://localhost:{server.port}", expects=[REFUSED]
    )
    page.get_by_role("link", name="Account").click()
    expect(page.get_by_role("heading", name="How you sign in")).to_be_visible()
    return page


def part(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name)


def say_password(page: Page) -> None:
    """Where it is asked who is there."""
    dialog = page.get_by_role("dialog", name="Is it you?")
    dialog.get_by_label("Password").fill(PASSWORD)
    dialog.get_by_role("button", name="Continue").click()
    expect(dialog).to_have_count(0)


def test_wishes_are_kept_at_the_server(page: Page, pair: Pair, server: LiveServer) -> None:
    wishes = part(page, "Your preferences")
    wishes.get_by_label("Where you are").select_option(label="Austria")
    expect(page.get_by_role("complementary").get_by_role("link", name="112")).to_be_visible()
    wishes.get_by_label("Language").select_option(label="German")
    wishes.get_by_label("Time zone").select_option("Europe/Vienna")
    wishes.get_by_label("From").fill("22:00")
    wishes.get_by_label("To", exact=True).fill("07:00")
    wishes.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.", exact=True)).to_be_visible()
    with server.api(pair.patient_token) as api:
        kept = api.get("me/settings/").json()
    assert kept == {
        "user_id": pair.patient_id, "language": "de", "region": "AT",
        "time_zone": "Europe/Vienna", "quiet_hours": {"start": "22:00", "end": "07:00"},
    }  # fmt: skip


def test_a_therapists_hours_and_alerts(visit: Visits, pair: Pair, server: LiveServer) -> None:
    page = visit(email_of(pair.therapist_id), expects=[REFUSED])
    page.get_by_role("link", name="Account").click()
    wishes = part(page, "Your preferences")
    wishes.get_by_label("Monday").fill("09:00-12:00, 13:00-17:00")
    wishes.get_by_label("Friday").fill("nine to five")
    wishes.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.", exact=True)).to_have_count(0)  # the field refuses it
    wishes.get_by_label("Friday").fill("09:00 - 12:00")
    wishes.get_by_label("I receive emergency alerts").uncheck()
    wishes.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.", exact=True)).to_be_visible()
    with server.api(pair.therapist_token) as api:
        kept = api.get("me/settings/").json()
    hours = {"mon": [["09:00", "12:00"], ["13:00", "17:00"]], "fri": [["09:00", "12:00"]]}
    assert (kept["working_hours"], kept["receives_emergencies"]) == (hours, False)


def test_notifications_are_asked_for_on_a_click_only(page: Page) -> None:
    page.evaluate(COUNT_ASKING)
    here = part(page, "This browser")
    page.context.grant_permissions(["notifications"])
    assert page.evaluate("window.asked") == 0
    here.get_by_role("button", name="Turn them on").click()
    expect(here.get_by_role("button", name="Turn them off")).to_be_visible()
    assert page.evaluate("window.asked") == 1
    here.get_by_role("button", name="Turn them off").click()
    expect(here.get_by_role("button", name="Turn them on")).to_be_visible()


def test_when_it_locks_is_chosen_and_it_can_be_locked_now(page: Page) -> None:
    here = part(page, "This browser")
    here.get_by_label("Lock when nobody is here for").select_option(label="30 minutes")
    page.reload()
    expect(here.get_by_label("Lock when nobody is here for")).to_have_value("30")
    here.get_by_role("button", name="Lock now").click()
    expect(page.get_by_role("heading", name="Locked")).to_be_visible()


def test_an_authenticator_app_its_codes_and_off_again(
    page: Page, visit: Visits, pair: Pair
) -> None:
    ways = part(page, "How you sign in")
    ways.get_by_role("button", name="Set up an authenticator app").click()
    setup = page.get_by_role("dialog", name="Set up an authenticator app")
    address = setup.get_by_role("link", name="Open in an app").get_attribute("href") or ""
    assert address.startswith("otpauth://totp/")
    (secret,) = parse_qs(urlsplit(address).query)["secret"]
    assert setup.locator(".secret code").inner_text().replace(" ", "") == secret
    assert squares(setup) == reference(address)
    axe(page, "authenticator app:")
    setup.get_by_label("The app's code now").fill("000000")
    setup.get_by_role("button", name="Turn it on").click()
    expect(setup.get_by_role("alert")).to_contain_text("code is not right")
    setup.get_by_label("The app's code now").fill(code_of(secret, good_for=15))
    setup.get_by_role("button", name="Turn it on").click()
    sure = page.get_by_role("dialog", name="Is it you?")
    sure.get_by_label("Password").fill("not the password")
    sure.get_by_role("button", name="Continue").click()
    expect(sure.get_by_role("alert")).to_contain_text("password is not right")
    say_password(page)
    shown = page.get_by_role("dialog", name="Your recovery codes")
    expect(shown.get_by_role("listitem")).to_have_count(10)
    codes = shown.get_by_role("listitem").all_inner_texts()
    with page.expect_download() as download:
        shown.get_by_role("button", name="Save as a file").click()
    saved = Path(download.value.path()).read_text()
    assert all(code in saved for code in codes)
    shown.get_by_role("button", name="I have kept them").click()
    expect(ways).to_contain_text("10 recovery codes are left")
    # One of them opens the account, once.
    other = visit(expects=[REFUSED])
    fill_in(other, email_of(pair.patient_id))
    other.get_by_role("button", name="Use a recovery code").click()
    other.get_by_label("Recovery code").fill(codes[0])
    other.get_by_role("button", name="Continue").click()
    expect(log(other)).to_be_visible()
    ways.get_by_role("button", name="Turn it off").click()
    expect(ways.get_by_role("button", name="Set up an authenticator app")).to_be_visible()


def squares(setup: Locator) -> set[tuple[int, int]]:
    """The dark ones of the QR code that is drawn."""
    path = setup.locator(".qr path").get_attribute("d") or ""
    return {(int(x), int(y)) for x, y in re.findall(r"M(\d+) (\d+)h1v1h-1z", path)}


def reference(text: str) -> set[tuple[int, int]]:
    """The same code, as another program draws it."""
    code = QRCode(error_correction=constants.ERROR_CORRECT_L, mask_pattern=0, border=0)
    code.add_data(QRData(text.encode(), mode=MODE_8BIT_BYTE))
    code.make(fit=True)
    return {(x, y) for y, row in enumerate(code.modules) for x, dark in enumerate(row) if dark}


def test_a_passkey_is_added_named_used_and_removed(page: Page) -> None:
    virtual_authenticator(page)
    ways = part(page, "How you sign in")
    ways.get_by_label("Name of a new passkey").fill("My phone")
    ways.get_by_role("button", name="Add a passkey").click()
    say_password(page)
    ways.get_by_role("button", name="Rename My phone").click()
    ways.get_by_label("New name of My phone").fill("Blue phone")
    ways.get_by_role("button", name="Rename", exact=True).click()
    expect(ways.get_by_text("Blue phone", exact=True)).to_be_visible()
    log_out(page)
    page.get_by_role("button", name="Use a passkey").click()
    expect(ways).to_be_visible()  # back where one was
    ways.get_by_role("button", name="Remove Blue phone").click()
    say_password(page)
    expect(ways.get_by_text("Blue phone", exact=True)).to_have_count(0)


def test_another_password_signs_all_others_out(
    page: Page, visit: Visits, pair: Pair, server: LiveServer
) -> None:
    other = visit(email_of(pair.patient_id), expects=[REFUSED, "WebSocket"])
    page.get_by_text("Change your password").click()
    page.get_by_label("Password now").fill("not the password")
    page.get_by_label("New password").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_role("alert").filter(has_text="password")).to_be_visible()
    page.get_by_label("Password now").fill(PASSWORD)
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("Your password is changed")).to_be_visible()
    expect(other.get_by_label("E-mail")).to_be_visible()
    page.reload()
    expect(part(page, "Where you are signed in").get_by_role("listitem")).to_have_count(1)
    assert server.login(email_of(pair.patient_id), NEW_PASSWORD)["access_token"]


def test_devices_are_listed_and_ended(page: Page, visit: Visits, pair: Pair) -> None:
    others = [visit(email_of(pair.patient_id), expects=[REFUSED, "WebSocket"]) for _ in range(3)]
    page.reload()
    devices = part(page, "Where you are signed in")
    # The pair's own token is of a session too.
    expect(devices.get_by_role("listitem").first).to_contain_text("This one")
    before = devices.get_by_role("listitem").count()
    assert before >= 4
    devices.get_by_role("button", name=re.compile("^End the session")).first.click()
    expect(devices.get_by_role("listitem")).to_have_count(before - 1)
    devices.get_by_role("button", name="End all others").click()
    expect(devices.get_by_role("listitem")).to_have_count(1)
    for other in others:
        expect(other.get_by_label("E-mail")).to_be_visible()
    expect(devices).to_be_visible()


def test_notices_are_shown_and_marked(
    page: Page, pair: Pair, server: LiveServer, admin_token: str
) -> None:
    with server.api(admin_token) as api:
        body = {"user_ids": [pair.patient_id], "title": "Closed on Friday", "body": "All day."}
        answer: httpx.Response = api.post("notifications/", json={**body, "level": "info"})
        answer.raise_for_status()
    notices = part(page, "Notices of your clinic")
    expect(notices).to_contain_text("Closed on Friday")
    expect(page.get_by_role("link", name="new notices")).to_be_visible()
    notices.get_by_role("button", name="Mark as read: Closed on Friday").click()
    expect(page.get_by_role("link", name="new notices")).to_have_count(0)


def test_axe_finds_nothing(page: Page) -> None:
    expect(part(page, "Where you are signed in").get_by_role("listitem").first).to_be_visible()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        axe(page, f"account, {scheme}:")
