"""What holds for the page as a whole: its safety, its width, its colours, its use without a mouse."""

from __future__ import annotations

from playwright.async_api import Locator, Page, expect

from tests.people import Person
from tests.static.conftest import Visit
from tests.static.panels import (
    close,
    list_of_people,
    list_of_rooms,
    open_people,
    open_rooms,
    open_settings,
    open_switcher,
    settings,
    switcher,
)
from tests.static.steps import is_ready, messages, people, say, texts, title, write_box

WATCH_POLICY = "window.violations = []; addEventListener('securitypolicyviolation', e => violations.push(e.blockedURI))"
NOTE_THEMES = """
    globalThis.themes = [];
    const look = () => {
        themes.push(document.documentElement?.dataset.theme ?? "system");
        if (themes.length < 5) requestAnimationFrame(look);
    };
    new MutationObserver((changes, observer) => {
        if (!document.body) return;
        observer.disconnect();
        look();
    }).observe(document, { childList: true, subtree: true });
"""
DARK = "rgb(18, 24, 26)"
LIGHT = "rgb(243, 245, 245)"


async def overflow(page: Page) -> int:
    return await page.evaluate(  # type: ignore[no-any-return]
        """() => Math.max(...[document.documentElement, ...document.querySelectorAll("#scroller, .shown, dialog[open]")]
            .flatMap((box) => [box, ...box.querySelectorAll("form, ul, fieldset")])
            .map((box) => box.scrollWidth - box.clientWidth))"""
    )


async def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until the target has the focus, and see that it shows."""
    for _ in range(40):
        if await target.evaluate("element => element === document.activeElement"):
            outline = await target.evaluate("element => getComputedStyle(element).outlineStyle")
            assert outline != "none"
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"Tab never reached {target}")


async def test_the_page_lives_under_a_policy_that_allows_only_its_own_files(visit: Visit, ada: Person) -> None:
    page = await visit()
    await page.add_init_script(WATCH_POLICY)
    answer = await page.reload()
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "unsafe" not in policy

    await page.get_by_label("Username").fill("ada")
    await page.get_by_label("Password", exact=True).fill(ada.password)
    await page.get_by_role("button", name="Sign in").click()
    await is_ready(page)
    await say(page, "one\ntwo\n`three` https://example.org")
    await expect(messages(page)).to_have_count(1)
    await open_switcher(page)
    await page.get_by_role("combobox").fill("attic")
    await page.keyboard.press("Enter")
    await expect(title(page)).to_have_text("attic")
    await open_people(page)
    await expect(people(page)).to_have_count(1)
    await close(page, list_of_people(page))
    await open_settings(page)
    for theme in ("Dark", "Light"):
        await settings(page).get_by_label(theme).check()
    await settings(page).get_by_label("Play a soft sound").check()
    await close(page, settings(page))
    await page.get_by_role("button", name="Leave the room").click()
    await page.get_by_role("dialog").get_by_role("button", name="Leave").click()
    await expect(title(page)).to_have_text("lobby")
    assert await page.evaluate("violations") == []


async def test_nothing_sticks_out_at_320_pixels(visit: Visit, ada: Person, bob: Person) -> None:
    long_name = "longer" * 10 + "name"
    for room in (long_name, "attic"):
        await ada.post("/create_room", room=room)
    await bob.joins("attic")
    await ada.says("long" * 100, room=long_name)
    signed_out = await visit(width=320)
    await expect(signed_out.get_by_role("button", name="Sign in")).to_be_in_viewport(ratio=1)
    await signed_out.get_by_role("button", name="Create an account").click()
    await signed_out.get_by_role("button", name="Create account").click()
    await expect(signed_out.get_by_text("Enter your username.")).to_be_visible()
    assert await overflow(signed_out) <= 0

    page = await visit(ada, at=f"/#{long_name}", width=320)
    await is_ready(page)
    await expect(messages(page)).to_have_count(1)
    await expect(page).to_have_title(f"{long_name} – Chat")
    assert await overflow(page) <= 0
    for name in ("Send", "Rooms", "People online", "Leave the room"):
        await expect(page.get_by_role("button", name=name)).to_be_in_viewport(ratio=1)

    news = page.locator("#elsewhere")
    await expect(news).to_be_hidden()
    await bob.says("news", room="attic")
    await expect(news).to_be_visible()
    await open_rooms(page)
    for control in (
        page.get_by_role("button", name="Settings"),
        page.get_by_role("button", name="Close the list of rooms"),
        list_of_rooms(page).get_by_role("link", name="attic").locator(".badge"),
    ):
        await expect(control).to_be_in_viewport(ratio=1)
    assert await overflow(page) <= 0
    await list_of_rooms(page).get_by_role("link", name="attic").click()
    await expect(title(page)).to_have_text("attic")
    await expect(list_of_rooms(page)).not_to_be_in_viewport()
    await expect(news).to_be_hidden()

    await open_people(page)
    await expect(people(page)).to_have_count(1)
    assert await overflow(page) <= 0
    await close(page, list_of_people(page))
    await open_settings(page)
    await settings(page).get_by_text("Keys", exact=True).click()
    assert await overflow(page) <= 0
    await close(page, settings(page))
    await page.go_back()
    await expect(title(page)).to_have_text(long_name)
    await open_switcher(page)
    await page.get_by_role("combobox").fill("longer")
    assert await overflow(page) <= 0
    await close(page, switcher(page))
    await page.get_by_role("button", name="Leave the room").click()
    await expect(page.get_by_role("dialog").get_by_role("button", name="Leave")).to_be_in_viewport(ratio=1)
    assert await overflow(page) <= 0


async def test_everything_can_be_done_from_the_keyboard(visit: Visit, ada: Person) -> None:
    await ada.post("/create_room", room="attic")
    page = await visit(at="/")
    await expect(page.get_by_label("Username")).to_be_focused()
    await page.keyboard.type("ada")
    await page.keyboard.press("Tab")
    await page.keyboard.type(ada.password)
    await page.keyboard.press("Enter")
    await is_ready(page)

    await tab_to(page, page.get_by_role("link", name="lobby"))
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("textbox", name="Message to lobby")).to_be_focused()
    await page.keyboard.type("no mouse needed")
    await page.keyboard.press("Enter")
    await expect(texts(page)).to_have_text(["no mouse needed"])

    await tab_to(page, page.get_by_role("button", name="Find or create a room"))
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("combobox")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("button", name="Find or create a room")).to_be_focused()
    await tab_to(page, page.get_by_role("button", name="People online"))
    await page.keyboard.press("Space")
    await expect(page.get_by_role("button", name="Close the list of people")).to_be_focused()
    await page.keyboard.press("Escape")
    await tab_to(page, page.get_by_role("button", name="Leave the room"))
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("button", name="Leave the room")).to_be_focused()
    await tab_to(page, page.get_by_role("region", name="Messages"))

    await tab_to(page, page.get_by_role("button", name="Settings"))
    await page.keyboard.press("Enter")
    await tab_to(page, page.get_by_role("button", name="Sign out", exact=True))
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Username")).to_be_focused()


async def test_keys_lead_to_the_next_room_and_into_the_box(visit: Visit, ada: Person) -> None:
    for room in ("attic", "cellar"):
        await ada.post("/create_room", room=room)
    page = await visit(ada)
    await is_ready(page)
    await expect(page.locator("#room-list .name")).to_have_text(["attic", "cellar", "lobby"])
    for key, room in (("Up", "cellar"), ("Up", "attic"), ("Up", "lobby"), ("Down", "attic"), ("Down", "cellar")):
        await page.keyboard.press(f"Alt+Arrow{key}")
        await expect(title(page)).to_have_text(room)
        await expect(write_box(page)).to_be_enabled()

    await write_box(page).blur()
    await page.keyboard.type("Hello you")
    await expect(write_box(page)).to_have_value("Hello you")
    await page.get_by_role("region", name="Messages").focus()
    await page.keyboard.press("Space")
    await page.keyboard.press("Control+A")
    await expect(write_box(page)).not_to_be_focused()
    await page.keyboard.type("!")
    await expect(write_box(page)).to_be_focused()
    await expect(write_box(page)).to_have_value("Hello you!")

    await open_settings(page)
    await page.keyboard.press("Alt+ArrowUp")
    await page.keyboard.type("x")
    await close(page, settings(page))
    await expect(title(page)).to_have_text("cellar")
    await expect(write_box(page)).to_have_value("Hello you!")


async def test_a_closed_drawer_is_out_of_reach_and_an_open_one_takes_the_focus(visit: Visit, ada: Person) -> None:
    page = await visit(ada, width=500)
    drawer = page.locator("#sidebar")
    await expect(drawer).to_have_css("transition-duration", "0s")
    await page.emulate_media(reduced_motion="no-preference")
    await expect(drawer).not_to_have_css("transition-duration", "0s")
    await is_ready(page)
    await write_box(page).focus()
    for _ in range(12):
        await page.keyboard.press("Tab")
        await expect(page.locator("#sidebar :focus, #people :focus")).to_have_count(0)

    opener = page.get_by_role("button", name="Rooms", exact=True)
    await expect(opener).to_have_attribute("aria-expanded", "false")
    await opener.press("Enter")
    await expect(page.get_by_role("button", name="Close the list of rooms")).to_be_focused()
    await expect(page.locator("#open-sidebar")).to_have_attribute("aria-expanded", "true")
    for _ in range(8):
        await page.keyboard.press("Tab")
        await expect(page.locator("#room :focus, #people :focus")).to_have_count(0)
    await page.keyboard.press("Escape")
    await expect(opener).to_be_focused()
    await expect(list_of_rooms(page)).not_to_be_in_viewport()

    await opener.click()
    await page.locator("#shade").click(position={"x": 480, "y": 300})
    await expect(opener).to_be_focused()
    await opener.click()
    await page.get_by_role("button", name="Find or create a room").click()
    await close(page, switcher(page))
    await expect(opener).to_be_focused()


async def test_the_colours_are_chosen_at_once_and_before_the_first_picture(visit: Visit, ada: Person) -> None:
    page = await visit(ada, color_scheme="light", prepare=lambda page: page.add_init_script(NOTE_THEMES))
    body = page.locator("body")
    await open_settings(page)
    await expect(settings(page).get_by_label("As the system")).to_be_checked()
    await expect(body).to_have_css("background-color", LIGHT)
    await page.emulate_media(color_scheme="dark")
    await expect(body).to_have_css("background-color", DARK)
    await settings(page).get_by_label("Light").check()
    await expect(body).to_have_css("background-color", LIGHT)
    await page.emulate_media(color_scheme="light")
    await settings(page).get_by_label("Dark").check()
    await expect(body).to_have_css("background-color", DARK)

    await page.reload()
    await is_ready(page)
    await expect(body).to_have_css("background-color", DARK)
    assert set(await page.evaluate("themes")) == {"dark"}
    await open_settings(page)
    await expect(settings(page).get_by_label("Dark")).to_be_checked()
    await settings(page).get_by_label("As the system").check()
    await expect(body).to_have_css("background-color", LIGHT)
    await page.reload()
    await is_ready(page)
    await expect(body).to_have_css("background-color", LIGHT)
