"""What holds for the page as a whole: its safety, its width, its use without a mouse."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, Page, expect

from tests.people import Person
from tests.static.conftest import Visit
from tests.static.steps import messages, people, say, status, texts, title

WATCH_POLICY = "window.violations = []; addEventListener('securitypolicyviolation', e => violations.push(e.blockedURI))"


async def overflow(page: Page) -> int:
    return await page.evaluate(  # type: ignore[no-any-return]
        """() => Math.max(...[document.documentElement, ...document.querySelectorAll("#scroller, .panel, .rooms")]
            .map((box) => box.scrollWidth - box.clientWidth))"""
    )


async def test_the_page_lives_under_a_policy_that_allows_only_its_own_files(visit: Visit, ada: Person) -> None:
    page = await visit()
    await page.add_init_script(WATCH_POLICY)
    answer = await page.reload()
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy

    await page.get_by_label("Username").fill("ada")
    await page.get_by_label("Password", exact=True).fill(ada.password)
    await page.get_by_role("button", name="Sign in").click()
    await say(page, "one\ntwo\nthree")
    await expect(messages(page)).to_have_count(1)
    assert await page.evaluate("violations") == []


@pytest.mark.parametrize("at", ["/#lobby", "/"])
async def test_nothing_sticks_out_at_320_pixels(visit: Visit, ada: Person, at: str) -> None:
    long_name = "longer" * 10 + "name"
    await ada.post("/create_room", room=long_name)
    await ada.says("long" * 100)
    signed_out = await visit(width=320)
    await expect(signed_out.get_by_role("button", name="Sign in")).to_be_in_viewport(ratio=1)
    assert await overflow(signed_out) <= 0

    page = await visit(ada, at=at, width=320)
    if at == "/":
        await page.get_by_role("link", name="lobby").click()
    await expect(messages(page)).to_have_count(1)
    assert await overflow(page) <= 0
    for control in (page.get_by_role("button", name="Send"), page.get_by_role("button", name="Sign out")):
        await expect(control).to_be_in_viewport(ratio=1)

    await page.get_by_text("Rooms", exact=True).click()
    assert await overflow(page) <= 0
    await page.get_by_role("link", name=long_name).click()
    await expect(title(page)).to_have_text(long_name)
    await expect(page.get_by_role("link", name="lobby")).to_be_hidden()
    await page.get_by_text("Online").click()
    await expect(people(page)).to_have_text(["ada"])
    assert await overflow(page) <= 0


async def test_everything_can_be_done_from_the_keyboard(visit: Visit, ada: Person) -> None:
    await ada.post("/create_room", room="attic")
    page = await visit(at="/")
    await expect(page.get_by_label("Username")).to_be_focused()
    await page.keyboard.type("ada")
    await page.keyboard.press("Tab")
    await page.keyboard.type(ada.password)
    await page.keyboard.press("Enter")
    await expect(status(page)).to_have_text("Connected")

    await tab_to(page, page.get_by_role("link", name="attic"))
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("textbox", name="Message to attic")).to_be_focused()
    await page.keyboard.type("no mouse needed")
    await page.keyboard.press("Enter")
    await expect(texts(page)).to_have_text(["no mouse needed"])

    await tab_to(page, page.get_by_label("New room"))
    await page.keyboard.type("cellar")
    await page.keyboard.press("Enter")
    await expect(title(page)).to_have_text("cellar")

    await tab_to(page, page.get_by_role("button", name="Disconnect"))
    await page.keyboard.press("Space")
    await expect(status(page)).to_have_text("Offline")
    await tab_to(page, page.get_by_role("button", name="Sign out"))
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Username")).to_be_focused()


async def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until the target has the focus, and see that it shows."""
    for _ in range(40):
        if await target.evaluate("element => element === document.activeElement"):
            outline = await target.evaluate("element => getComputedStyle(element).outlineStyle")
            assert outline != "none"
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"Tab never reached {target}")
