"""What tells of messages that nobody looks at: the title, and aloud what one has asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.async_api import Locator, Page, expect

from tests.people import Person
from tests.static.conftest import Visit
from tests.static.panels import close, open_settings, settings
from tests.static.scrolling import latest, scroll_to
from tests.static.steps import is_ready, texts, title

# A browser that writes down what it shows and plays instead of doing so.
RECORD = """
    globalThis.told = [];
    globalThis.asked = 0;
    globalThis.answer = "granted";
    globalThis.notes = 0;
    globalThis.Notification = class {
        static permission = "default";
        static async requestPermission() {
            asked += 1;
            return Notification.permission = answer;
        }
        constructor(title, { body }) {
            told.push(`${title} | ${body}`);
            globalThis.newest = this;
        }
        close() {}
    };
    OscillatorNode.prototype.start = () => { notes += 1; };
    OscillatorNode.prototype.stop = () => {};
    AudioContext.prototype.resume = async () => {};
    // To ask the browser for a service worker takes time that no clock here knows of.
    Object.defineProperty(navigator, "serviceWorker", { value: undefined, configurable: true });
    globalThis.isAway = false;
    Object.defineProperty(document, "hidden", { get: () => isAway });
"""


async def record(page: Page) -> None:
    await page.clock.install()
    await page.add_init_script(RECORD)


def notify(page: Page) -> Locator:
    return settings(page).get_by_role("checkbox", name="Show a notification")


def sound(page: Page) -> Locator:
    return settings(page).get_by_role("checkbox", name="Play a soft sound")


def badge(page: Page, room: str) -> Locator:
    return page.get_by_role("link", name=room).locator(".badge")


async def later(page: Page) -> dict[str, Any]:
    """What was shown and played, when there was time enough for it."""
    await page.clock.fast_forward(2_000)
    return await page.evaluate("({ told, asked, notes })")  # type: ignore[no-any-return]


async def test_nothing_is_shown_or_played_before_one_has_asked_for_it(visit: Visit, ada: Person, bob: Person) -> None:
    await bob.post("/create_room", room="attic")
    await ada.joins("attic")
    page = await visit(ada, prepare=record)
    await is_ready(page)

    await bob.says("psst", room="attic")
    await expect(badge(page, "attic")).to_have_text("1 unread")
    await expect(page).to_have_title("(1) lobby – Chat")
    assert await later(page) == {"told": [], "asked": 0, "notes": 0}

    await open_settings(page)
    await expect(notify(page)).not_to_be_checked()
    await expect(sound(page)).not_to_be_checked()
    await notify(page).check()
    await expect(notify(page)).to_be_checked()
    await close(page, settings(page))
    await bob.says("psst!", room="attic")
    await expect(badge(page, "attic")).to_have_text("2 unread")
    assert await later(page) == {"told": ["attic | bob: psst!"], "asked": 1, "notes": 0}

    await open_settings(page)
    await sound(page).check()
    assert (await later(page))["notes"] == 2  # so one hears what one has chosen
    await notify(page).uncheck()
    await close(page, settings(page))
    await bob.says("hey", room="attic")
    await expect(badge(page, "attic")).to_have_text("3 unread")
    assert await later(page) == {"told": ["attic | bob: psst!"], "asked": 1, "notes": 4}

    await page.reload()
    await open_settings(page)
    await expect(notify(page)).not_to_be_checked()
    await expect(sound(page)).to_be_checked()


async def test_a_notification_is_about_a_message_that_is_seen_nowhere(visit: Visit, ada: Person, bob: Person) -> None:
    for number in range(60):
        await bob.says(f"message {number}")
    await bob.post("/create_room", room="attic")
    await ada.joins("attic")
    page = await visit(ada, prepare=record)
    await is_ready(page)
    await open_settings(page)
    await notify(page).check()
    await expect(notify(page)).to_be_checked()
    await close(page, settings(page))
    await expect(texts(page).last).to_be_in_viewport()
    await scroll_to(page, 0)
    await expect(latest(page)).to_be_visible()
    # From here on time stands still: on a slow machine a message would be told of before it is seen elsewhere.
    await page.clock.pause_at(datetime.now(UTC) + timedelta(seconds=10))

    async with bob.live() as bobs, ada.connected("/ws") as one, ada.connected("/ws") as another:

        async def told() -> list[str]:
            """What was shown up to now, of all that was said before."""
            await bobs.send(type="typing", room="lobby")
            await expect(page.locator("#typing")).to_have_text("bob is typing…")
            await page.clock.run_for(5_000)
            await expect(page.locator("#typing")).to_have_text("")
            shown: list[str] = await page.evaluate("told.splice(0)")
            return shown

        await bob.says("in the room in view")
        assert await told() == []
        await expect(latest(page)).to_have_text("1 new")
        await ada.says("my own, from another program", room="attic")
        assert await told() == []
        seen = await bob.says("seen in another browser", room="attic")
        await one.send(type="read", room="attic", cursor=seen["cursor"])
        await another.next("read")
        assert await told() == []
        await page.evaluate("(cursor) => localStorage.setItem('chat.noticed', cursor)", seen["cursor"] + 1)
        await bob.says("told by another window", room="attic")
        assert await told() == []
        await expect(badge(page, "attic")).to_have_text("1 unread")

        text = "news\nin two lines " + "and so on " * 30
        await bob.says(text, room="attic")
        assert await told() == [f"attic | bob: {text[:200]}"]
        await page.evaluate("isAway = true")
        await bob.says("behind my back")
        assert await told() == ["lobby | bob: behind my back"]
        await page.evaluate("isAway = false")
        await bob.says("come up", room="attic")
        assert await told() == ["attic | bob: come up"]
        await page.clock.resume()
        await page.evaluate("newest.onclick()")
        await expect(title(page)).to_have_text("attic")


async def test_where_there_is_a_service_worker_it_shows_the_notification(
    visit: Visit, ada: Person, bob: Person
) -> None:
    await bob.post("/create_room", room="at tic")
    await ada.joins("at tic")

    async def prepare(page: Page) -> None:
        await record(page)
        await page.add_init_script("""
            Object.defineProperty(navigator, "serviceWorker", { value: {
                getRegistration: async () => ({
                    active: {},
                    showNotification: async (title, { data }) => { told.push(`${title} | ${data}`); },
                }),
                register: async () => ({}),
                addEventListener() {},
            } });
        """)

    page = await visit(ada, prepare=prepare)
    await is_ready(page)
    await open_settings(page)
    await notify(page).check()
    await expect(notify(page)).to_be_checked()
    await close(page, settings(page))
    await bob.says("psst", room="at tic")
    await expect(badge(page, "at tic")).to_have_text("1 unread")
    assert (await later(page))["told"] == ["at tic | #at%20tic"]


async def test_where_notifications_cannot_be_shown_it_is_said_why(visit: Visit, ada: Person) -> None:
    page = await visit(ada, prepare=record)
    for obstacle, sentence in (
        ("Notification.permission = 'denied'", "The browser was told not to show them for this address."),
        ("delete globalThis.Notification", "This browser has none."),
        (
            "Object.defineProperty(globalThis, 'isSecureContext', { value: false })",
            "The browser allows them only where the address begins with https.",
        ),
    ):
        await page.evaluate(f"() => {{ {obstacle} }}")
        await open_settings(page)
        await expect(notify(page)).to_be_disabled()
        await expect(notify(page)).not_to_be_checked()
        await expect(notify(page)).to_have_accessible_description(sentence)
        await close(page, settings(page))


async def test_who_says_no_to_the_browser_finds_it_switched_off_and_explained(visit: Visit, ada: Person) -> None:
    page = await visit(ada, prepare=record)
    await page.evaluate("answer = 'default'")
    await open_settings(page)
    await notify(page).click()
    await expect(notify(page)).to_have_accessible_description("The browser was not allowed to show them.")
    await expect(notify(page)).not_to_be_checked()
    await expect(notify(page)).to_be_enabled()
    await page.evaluate("answer = 'denied'")
    await notify(page).click()
    await expect(notify(page)).to_have_accessible_description("The browser was told not to show them for this address.")
    await expect(notify(page)).to_be_disabled()
