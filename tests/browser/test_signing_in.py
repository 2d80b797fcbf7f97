"""In and out: password, second factor, passkey; what a log-out leaves behind."""

from __future__ import annotations

import httpx
from playwright.sync_api import Page, expect

from tests.accounts.api import code_of
from tests.browser.accounts import enrol_passkey, enrol_totp, virtual_authenticator
from tests.browser.screens import composer, email_of, fill_in, log, log_out, send
from tests.browser.visits import OFFLINE, Visits
from tests.harness.processes import when
from tests.harness.server import PASSWORD, LiveServer, Pair

REFUSED = r"status of 40[01]"
"""What the browser itself writes of an answer that is no success."""

KEPT = """async () => ({
    local: { ...localStorage }, session: { ...sessionStorage }, cookies: document.cookie,
    caches: await caches.keys(), databases: (await indexedDB.databases()).map((d) => d.name),
})"""


def test_a_wrong_password_is_said_plainly(visit: Visits, pair: Pair) -> None:
    page = visit(expects=[REFUSED])
    fill_in(page, email_of(pair.patient_id), "not the password")
    expect(page.get_by_role("alert")).to_contain_text("don't match")
    assert page.get_by_label("E-mail").input_value() == email_of(pair.patient_id)
    fill_in(page, email_of(pair.patient_id))
    expect(log(page)).to_be_visible()


def test_a_second_factor_is_asked_for(visit: Visits, pair: Pair, server: LiveServer) -> None:
    secret = enrol_totp(server, pair.therapist_id)
    page = visit(expects=[REFUSED])
    fill_in(page, email_of(pair.therapist_id))
    code = page.get_by_label("Code from your authenticator app")
    expect(code).to_be_focused()
    code.fill("000 000")
    code.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("code is not right")
    code.fill(code_of(secret, good_for=15))
    code.press("Enter")
    expect(page.get_by_role("navigation", name="Caseload")).to_be_visible()


def test_a_passkey_opens_without_a_password(visit: Visits, pair: Pair, server: LiveServer) -> None:
    # A passkey belongs to a name, never to an address.
    page = visit(base=f"http://localhost:{server.port}", expects=[REFUSED])
    virtual_authenticator(page)
    enrol_passkey(server, page, email_of(pair.patient_id), PASSWORD)
    page.get_by_role("button", name="Use a passkey").click()
    expect(log(page)).to_be_visible()


def test_a_reload_asks_for_nothing(patient_page: Page) -> None:
    patient_page.reload()
    expect(log(patient_page)).to_be_visible()


def test_log_out_leaves_nothing_behind(patient_page: Page, visit: Visits) -> None:
    """Not the draft, not what waits to be sent, not a token; no line to the server is needed."""
    visit.of(patient_page).expect(*OFFLINE)
    visit.of(patient_page).context.set_offline(True)
    send(patient_page, "a word that waits")
    expect(log(patient_page).get_by_text("a word that waits")).to_be_visible()
    composer(patient_page).fill("a word that was begun")
    for words in ("a word that was begun", "a word that waits"):
        when(lambda words=words: words in str(patient_page.evaluate(KEPT)))
    log_out(patient_page)
    expect(patient_page.get_by_label("E-mail")).to_be_visible()
    after = patient_page.evaluate(KEPT)
    assert set(after["local"]) <= {"therapyconnect.theme"}
    assert after["session"] == {}
    assert (after["cookies"], after["caches"], after["databases"]) == ("", [], [])
    patient_page.context.set_offline(False)
    patient_page.reload()
    expect(patient_page.get_by_label("E-mail")).to_be_visible()


def test_a_log_out_ends_the_session_on_the_server(
    patient_page: Page, visit: Visits, server: LiveServer
) -> None:
    with patient_page.expect_request(lambda r: r.url.endswith("/api/me/")) as asked:
        patient_page.reload()
    token = asked.value.headers["authorization"]
    other = visit.another_tab(patient_page)
    expect(log(other)).to_be_visible()
    visit.of(patient_page).expect(REFUSED)
    log_out(patient_page)
    expect(patient_page.get_by_label("E-mail")).to_be_visible()
    expect(other.get_by_label("E-mail")).to_be_visible()
    # Here everything is forgotten at once; the server hears of it right after.
    with httpx.Client(base_url=server.base, headers={"Authorization": token}) as api:
        when(lambda: api.get("/api/me/").status_code == 401)
