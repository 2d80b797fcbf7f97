"""axe-core's judgement of a page, as it stands."""

from __future__ import annotations

from functools import cache
from typing import Any

from playwright.sync_api import Page

from tests.web.built import DIST

SETTLED = """async () => {
    const frame = () => new Promise(requestAnimationFrame);
    const inks = () => [...document.querySelectorAll("body *")].map((element) => {
        const { color, backgroundColor } = getComputedStyle(element);
        return color + backgroundColor;
    }).join();
    let before;
    do {
        before = inks();
        await frame();
        await frame();
        await Promise.allSettled(document.getAnimations().map((each) => each.finished));
    } while (inks() !== before);
}"""
"""Drawn, and no colour on its way to another: a change that is inherited may begin others."""


@cache
def _source() -> str:
    return (DIST.parent / "node_modules" / "axe-core" / "axe.min.js").read_text()


def axe(page: Page, where: str = "") -> None:
    """No rule of WCAG 2.2 A or AA, and none of the best practices, is broken.

    It is injected from outside the page, whose own policy stays as it is.
    """
    page.evaluate(SETTLED)
    page.evaluate(f"() => {{ {_source()} }}")
    result: dict[str, Any] = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    found = [
        f"{where} {violation['id']}: {violation['help']}: {node['html'][:160]}"
        f" {node['failureSummary'][:200]}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]
    assert not found, "\n".join(found)
    assert len(result["passes"]) > 5  # it did look
