"""The description of the API, in a real browser."""

from __future__ import annotations

from typing import Literal

import pytest
from playwright.async_api import expect

from tests.static.axe import violations
from tests.static.conftest import Visit


@pytest.mark.parametrize(("width", "theme"), [(1280, "dark"), (320, "light")])
async def test_it_keeps_nobody_out_and_fits_the_screen(
    visit: Visit, width: int, theme: Literal["dark", "light"]
) -> None:
    page = await visit(at="/docs", width=width)
    await expect(page.get_by_role("heading", name="API", exact=True)).to_be_visible()
    await page.evaluate("document.querySelectorAll('details').forEach((details) => (details.open = true))")
    await page.emulate_media(color_scheme=theme)
    assert await violations(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth") == width


async def test_a_link_leads_to_an_endpoint_with_a_line_to_try(visit: Visit) -> None:
    page = await visit(at="/docs")
    await page.get_by_role("navigation").get_by_role("link", name="/send_message").click()
    endpoint = page.get_by_role("article", name="/send_message")
    await expect(endpoint.get_by_role("heading", level=3)).to_be_in_viewport()
    await expect(endpoint.get_by_text("curl -b jar -d message=hi")).to_be_visible()
    await endpoint.get_by_text("Other answers").click()
    await expect(endpoint.get_by_text("message_too_long")).to_be_visible()


async def test_it_needs_no_script_and_asks_nobody_else(visit: Visit) -> None:
    page = await visit(at="/docs", java_script_enabled=False)
    await expect(page.get_by_role("article", name="GET /whoami")).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.reload()
    assert len(asked) > 1
    assert {address.split("/")[2] for address in asked} == {page.url.split("/")[2]}


async def test_it_takes_the_colours_that_were_chosen_on_the_page(visit: Visit) -> None:
    page = await visit(at="/docs")
    await page.evaluate("localStorage.setItem('chat.theme', 'dark')")
    await page.reload()
    assert await page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
