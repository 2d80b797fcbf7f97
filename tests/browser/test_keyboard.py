"""Without a mouse, from the sign-in to a message that was sent."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.screens import both, bubble, composer, log
from tests.browser.visits import Visits
from tests.harness.server import PASSWORD, Pair

HAS_FOCUS = "(element) => element === document.activeElement"
SHOWS_FOCUS = """(at) => {
    const around = [];
    for (let element = at; element && around.length < 6; element = element.parentElement) {
        around.push(element);
    }
    const look = () => around.map((element) => {
        getComputedStyle(element).boxShadow;  // begins what is to change slowly, which then ends
        for (const each of element.getAnimations()) each.finish();
        const { outlineStyle, boxShadow, borderColor, backgroundColor } = getComputedStyle(element);
        return [outlineStyle, boxShadow, borderColor, backgroundColor].join();
    }).join();
    const focused = look();
    at.blur();
    const blurred = look();
    at.focus({ focusVisible: true });
    return focused !== blurred;
}"""
"""Whether it looks otherwise than without the focus: itself, or what is around it."""


def tab_to(page: Page, wanted: Locator, most: int = 30) -> None:
    """Press Tab until `wanted` has the focus, which must then be seen."""
    for _ in range(most):
        if wanted.evaluate(HAS_FOCUS):
            assert wanted.evaluate(SHOWS_FOCUS), f"{wanted}: nothing shows that it has the focus"
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"no Tab leads to {wanted}")


@pytest.mark.parametrize("who", ["therapist", "patient"])
def test_from_the_sign_in_to_a_sent_message(visit: Visits, pair: Pair, who: str) -> None:
    page = visit(reduced_motion="reduce")
    expect(page.get_by_label("E-mail")).to_be_focused()
    page.keyboard.type(both(pair)[0 if who == "therapist" else 1])
    tab_to(page, page.get_by_label("Password"))
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    if who == "therapist":
        chat = page.get_by_role("navigation", name="Caseload").locator(f"a[href*={pair.chat_id}]")
        expect(chat).to_be_visible()
        tab_to(page, chat)
        page.keyboard.press("Enter")
    expect(log(page)).to_be_visible()
    tab_to(page, composer(page))
    page.keyboard.type("Written without a mouse")
    page.keyboard.press("Enter")
    expect(bubble(page, "Written without a mouse").locator(".ticks.sent")).to_be_visible()
    # And up to what was said, and back.
    page.keyboard.press("ArrowUp")
    expect(bubble(page, "Written without a mouse")).to_be_focused()
    page.keyboard.press("Escape")
    expect(composer(page)).to_be_focused()
