"""Where the system asks for less motion, nothing in a chat takes its time to move."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.screens import bubble, composer, send

MOVING = """() => {
    const longest = (list) => Math.max(...list.split(",").map((one) => {
        const time = parseFloat(one);
        return one.trim().endsWith("ms") ? time : time * 1000;
    }));
    const found = [];
    for (const element of document.querySelectorAll("*")) {
        for (const part of ["", "::before", "::after"]) {
            const style = getComputedStyle(element, part || null);
            const slow = longest(style.transitionDuration) > 1
                || (style.animationName !== "none" && longest(style.animationDuration) > 1);
            if (slow || style.scrollBehavior === "smooth") {
                found.push(`${element.tagName}.${element.className}${part}`);
            }
        }
    }
    for (const one of document.getAnimations()) {
        if (one.effect.getComputedTiming().activeDuration > 1) found.push(`runs: ${one.id}`);
    }
    return found;
}"""
"""What would take more than a millisecond, by its style or because it is under way."""


def test_where_less_motion_is_wanted_nothing_takes_time(patient_page: Page) -> None:
    page = patient_page
    send(page, "Is it calm here?")
    expect(bubble(page, "Is it calm here?").locator(".ticks.sent")).to_be_visible()
    composer(page).fill("and what is begun")
    button = page.get_by_role("button", name="Send", exact=True)
    page.emulate_media(reduced_motion="no-preference")
    assert page.evaluate(MOVING) != [], "without the wish something moves: else this proves nothing"
    page.emulate_media(reduced_motion="reduce")
    button.hover()
    assert page.evaluate(MOVING) == []
    page.get_by_role("button", name="Add a file or an appointment").click()
    expect(page.get_by_role("menu")).to_be_visible()
    assert page.evaluate(MOVING) == []
    page.get_by_role("menuitem", name="Propose an appointment").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert page.evaluate(MOVING) == []
