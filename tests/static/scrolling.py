"""How the messages are scrolled, and what is then before the reader's eyes."""

from __future__ import annotations

from playwright.async_api import Locator, Page


def latest(page: Page) -> Locator:
    return page.locator("#latest")


async def wheel(page: Page, pixels: int) -> None:
    """Turn the wheel above the messages; up is negative."""
    await page.mouse.move(300, 300)
    await page.mouse.wheel(0, pixels)


async def scroll_to(page: Page, top: int) -> None:
    await page.locator("#scroller").evaluate("(box, top) => { box.scrollTop = top }", top)


async def at_the_end(page: Page) -> None:
    """Wait until the last line is at the lower edge, and has been for some pictures."""
    distances = await page.evaluate(
        """async () => {
            const box = document.getElementById("scroller");
            const distances = [];
            const isThere = () => distances.length >= 5 && Math.max(...distances.slice(-5).map(Math.abs)) <= 1;
            while (distances.length < 300 && !isThere()) {
                await new Promise(requestAnimationFrame);
                distances.push(box.scrollHeight - box.scrollTop - box.clientHeight);
            }
            return isThere() ? [] : distances;
        }"""
    )
    assert distances == []


async def top_of(message: Locator) -> float:
    """Where the text of a message stands on the screen."""
    box = await message.bounding_box()
    assert box is not None
    return box["y"]


# Looks at every change of the list: the messages in it count on without a gap, and how many are there at most.
WATCH = """() => {
    globalThis.seen = { most: 0, gaps: [] };
    const list = document.getElementById("messages");
    const look = () => {
        const texts = [...list.querySelectorAll(".text")];
        const numbers = texts.map((text) => Number(text.textContent.slice("message ".length)));
        seen.most = Math.max(seen.most, numbers.length);
        numbers.forEach((number, place) => {
            if (place && number !== numbers[place - 1] + 1) seen.gaps.push(`${numbers[place - 1]}, ${number}`);
        });
    };
    new MutationObserver(look).observe(list, { childList: true });
    look();
}"""


async def watch(page: Page) -> None:
    await page.evaluate(WATCH)


async def check_watched(page: Page, most: int = 200) -> None:
    seen = await page.evaluate("() => seen")
    assert seen["gaps"] == []
    assert 0 < seen["most"] <= most


async def first_number(page: Page) -> int:
    return await page.evaluate(  # type: ignore[no-any-return]
        "() => Number(document.querySelector('#messages .text').textContent.slice('message '.length))"
    )
