"""What a message looks like on the page: who, when, the text, and what is shown above it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Locator, Page, expect

from tests.people import Person
from tests.servers import RunningServer
from tests.static.conftest import Visit
from tests.static.past import already_said
from tests.static.scrolling import at_the_end, latest, scroll_to
from tests.static.steps import messages, pending, say, status, texts

# Five and a half hours ahead of the server: a day begins at 18:30 there.
IN_KOLKATA = {"timezone_id": "Asia/Kolkata", "locale": "en-GB"}
MIDNIGHT = datetime(2026, 3, 9, 18, 30, tzinfo=UTC)


def days(page: Page) -> Locator:
    return page.locator("#messages .day")


def new_line(page: Page) -> Locator:
    return page.locator("#messages li", has=page.locator(".new")).locator(".text")


async def hide(page: Page, *, hidden: bool) -> None:
    """As if the reader turned to another tab, or came back."""
    await page.evaluate(
        """(hidden) => {
            Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


async def test_two_people_talk(visit: Visit, ada: Person, bob: Person) -> None:
    hers = await visit(ada)
    his = await visit(bob)
    await expect(status(his)).to_have_text("Connected")

    await say(hers, "Is the kettle on?")
    await expect(messages(his).filter(has_text="Is the kettle on?").locator(".author")).to_have_text("ada")
    await say(his, "Since noon.")
    await expect(messages(hers).locator(".author")).to_have_text(["ada", "bob"])

    for page in (hers, his):
        await expect(texts(page)).to_have_text(["Is the kettle on?", "Since noon."])
        await expect(pending(page)).to_have_count(0)
        [first, _] = await ada.listed()
        await expect(messages(page).first.locator("time")).to_have_attribute("datetime", first["timestamp"])


async def test_days_are_told_apart_and_what_one_says_at_a_stretch_stands_under_one_heading(
    visit: Visit, server: RunningServer, ada: Person, bob: Person
) -> None:
    lines = [
        (ada, "last year", datetime(2025, 12, 31, 23, 59, tzinfo=UTC)),
        (bob, "the day before yesterday", MIDNIGHT - timedelta(days=1, minutes=1)),
        (bob, "yesterday", MIDNIGHT - timedelta(minutes=2)),
        (bob, "today", MIDNIGHT + timedelta(minutes=1)),
        (bob, "at a stretch", MIDNIGHT + timedelta(minutes=5, seconds=59)),
        (bob, "after a pause", MIDNIGHT + timedelta(minutes=10, seconds=59)),
        (ada, "another person", MIDNIGHT + timedelta(minutes=11)),
        (bob, "and back", MIDNIGHT + timedelta(minutes=12)),
    ]
    await already_said(server, lines)
    page = await visit(ada, **IN_KOLKATA)
    await page.clock.set_fixed_time(MIDNIGHT + timedelta(hours=9))
    await page.reload()

    await expect(texts(page)).to_have_text([text for _, text, _ in lines])
    await expect(days(page)).to_have_text(
        [re.compile("^Thursday,? 1 January$"), re.compile("^Sunday,? 8 March$"), "Yesterday", "Today"]
    )
    await expect(messages(page).locator("time")).to_have_text(
        ["05:29", "23:59", "23:58", "00:01", "00:05", "00:10", "00:11", "00:12"]
    )
    await expect(messages(page).nth(4).locator("time")).to_have_attribute("datetime", "2026-03-09T18:35:59.000Z")

    # Its heading is out of sight until the pointer is there, but who is read to hears whose words these are.
    follows = page.locator("#messages li").nth(4)
    for number in (0, 1, 2, 3, 5, 6, 7):
        await expect(messages(page).nth(number).locator(".heading")).to_have_css("opacity", "1")
    await expect(follows.locator(".heading")).to_have_css("opacity", "0")
    assert "bob" in await follows.aria_snapshot()
    await follows.hover()
    await expect(follows.locator(".heading")).to_have_css("opacity", "1")
    time, text = await follows.locator("time").bounding_box(), await follows.locator(".text").bounding_box()
    assert time is not None
    assert text is not None
    assert time["x"] + time["width"] <= text["x"]


async def test_the_year_stands_with_a_day_of_another_year(visit: Visit, server: RunningServer, ada: Person) -> None:
    await already_said(server, [(ada, "long ago", datetime(2019, 5, 4, 12, tzinfo=UTC))])
    page = await visit(ada, **IN_KOLKATA)
    await expect(days(page)).to_have_text(re.compile("^Saturday,? 4 May 2019$"))


async def test_today_becomes_yesterday_at_midnight_in_a_page_left_open(
    visit: Visit, server: RunningServer, ada: Person
) -> None:
    await already_said(server, [(ada, "good night", MIDNIGHT - timedelta(hours=1))])
    page = await visit(ada, **IN_KOLKATA)
    await page.clock.install(time=MIDNIGHT - timedelta(minutes=3))
    await page.reload()
    await expect(days(page)).to_have_text("Today")
    await page.clock.fast_forward("03:01")
    await expect(days(page)).to_have_text("Yesterday")
    await page.clock.fast_forward("24:00:00")
    await expect(days(page)).to_have_text(re.compile("^Monday,? 9 March$"))


async def test_a_line_stands_above_the_first_that_is_new(
    visit: Visit, server: RunningServer, ada: Person, bob: Person
) -> None:
    await already_said(server, [(bob, "old", MIDNIGHT)])
    await ada.says("mine, from elsewhere")
    await bob.says("new")
    await bob.says("new, too")

    async with ada.live() as elsewhere:
        page = await visit(ada)
        await expect(new_line(page)).to_have_text(["new"])
        await expect(messages(page).last).to_be_in_viewport()

        # It stays while one reads, and comes no second time.
        await expect(status(page)).to_have_text("Connected")
        await bob.says("newer")
        await expect(texts(page).last).to_have_text("newer")
        await expect(new_line(page)).to_have_text(["new"])

        # What was read is not new at the next visit.
        while (await elsewhere.next("read"))["cursor"] < 5:
            pass
        await page.reload()
        await expect(texts(page).last).to_have_text("newer")
        await expect(page.locator("#messages .new")).to_have_count(0)


async def test_the_line_moves_to_what_came_while_nobody_looked_and_goes_when_one_answers(
    visit: Visit, server: RunningServer, ada: Person, bob: Person
) -> None:
    await already_said(server, [(bob, f"message {n}", MIDNIGHT + timedelta(hours=n)) for n in range(40)])
    page = await visit(ada)
    await expect(status(page)).to_have_text("Connected")
    await expect(page.locator("#messages .new")).to_have_count(0)

    await hide(page, hidden=True)
    await bob.says("while away")
    await bob.says("still away")
    await expect(new_line(page)).to_have_text(["while away"])
    await hide(page, hidden=False)
    await bob.says("back again")
    await expect(texts(page).last).to_have_text("back again")
    await expect(new_line(page)).to_have_text(["while away"])

    await scroll_to(page, 0)
    await expect(latest(page)).to_be_visible()  # the page has noticed
    await expect(latest(page)).to_have_text("Latest")
    await bob.says("above, one does not see it")
    await expect(latest(page)).to_have_text("1 new")
    await expect(new_line(page)).to_have_text(["above, one does not see it"])

    await say(page, "An answer")
    await expect(page.locator("#messages .new")).to_have_count(0)
    await expect(texts(page).last).to_have_text("An answer")
    await at_the_end(page)


async def test_addresses_and_code_are_shown_as_such(visit: Visit, ada: Person) -> None:
    await ada.says("see (https://example.org/a_(b)), or `make https://example.org`.")
    await ada.says("```python\nif a < b:\n    print(`b`)\n```and on")
    await ada.says("javascript:alert(1) ` ``` left as typed")
    page = await visit(ada)

    [first, second, third] = [messages(page).nth(number) for number in range(3)]
    link = first.get_by_role("link")
    await expect(link).to_have_text("https://example.org/a_(b)")
    await expect(link).to_have_attribute("href", "https://example.org/a_(b)")
    await expect(link).to_have_attribute("rel", "noopener noreferrer")
    await expect(link).to_have_attribute("target", "_blank")
    await expect(first.locator("code")).to_have_text("make https://example.org")
    assert await second.locator("pre").inner_text() == "if a < b:\n    print(`b`)"
    await expect(third.locator(".text")).to_have_text("javascript:alert(1) ` ``` left as typed")
    await expect(third.locator(":is(a, code)")).to_have_count(0)


async def test_html_is_shown_as_text_and_runs_nothing(visit: Visit, ada: Person, bob: Person) -> None:
    page = await visit(ada)
    await expect(status(page)).to_have_text("Connected")
    hostile = '<img src=x onerror="document.title=`owned`"><script>document.title="owned"</script><b>bold</b>'
    link = 'https://example.org/"onmouseover="document.title=1"<b>bold</b>'
    await bob.says(hostile)
    await bob.says(f"```{hostile}```")
    await bob.says(link)

    shown = [hostile.replace("`", ""), hostile, link]
    await expect(texts(page)).to_have_text(shown)
    await say(page, hostile)
    await expect(messages(page)).to_have_count(4)
    await page.reload()
    await expect(texts(page)).to_have_text([*shown, shown[0]])

    await expect(page).to_have_title("lobby – Chat")
    await expect(page.locator("#messages :is(img, script, b, [onmouseover], [onerror])")).to_have_count(0)


@pytest.mark.parametrize("width", [320, 1280])
async def test_nothing_that_one_can_write_makes_the_page_wider(visit: Visit, width: int, ada: Person) -> None:
    hostile = [
        "W" * 4000,
        "a" + "\u0301" * 3999,
        "https://example.org/" + "long/" * 700,
        "https://пример.испытание/" + "путь" * 500,
        "`" + "m" * 3000 + "`",
        "```\n" + "def f():" + " " * 500 + "pass\n" + "x" * 2000 + "\n```",
        "שלום " * 300 + "\u202e" + "reversed " * 100,
        "👩‍👩‍👧‍👦" * 500,
        "\u00a0" * 2000,
        "﷽" * 500,
        "\u2066\u202e" * 500,
        "\n" * 50 + "end",
        "\t" * 500 + "end",
    ]
    for text in hostile:
        await ada.says(text)
    page = await visit(ada, width=width)
    await expect(messages(page)).to_have_count(len(hostile))

    wider = await page.evaluate(
        """() => [document.documentElement, ...document.querySelectorAll("#scroller, #messages *")]
            .filter((part) => part.scrollWidth > part.clientWidth + 1 && getComputedStyle(part).display !== "inline")
            .filter((part) => !part.closest(".follows .heading"))
            .map((part) => `${part.tagName}.${part.className}: ${part.scrollWidth} in ${part.clientWidth}`)"""
    )
    assert wider == []
    await at_the_end(page)


async def test_new_messages_are_announced_and_history_is_not(visit: Visit, ada: Person, bob: Person) -> None:
    await bob.says("history")
    page = await visit(ada)
    await page.clock.install()
    await page.reload()
    await expect(texts(page)).to_have_text(["history"])
    await expect(status(page)).to_have_text("Connected")
    announcer = page.get_by_role("status", name="New messages")
    await expect(page.get_by_role("log")).to_have_attribute("aria-live", "off")

    await bob.says("hello")
    await expect(announcer).to_have_text("bob: hello")

    # The clock stands still until all three are there, and then goes on to where they are read out.
    await page.clock.pause_at(await page.evaluate("() => Date.now() + 1000"))
    for text in ("one", "two", "three"):
        await bob.says(text)
    while await messages(page).count() < 5:
        await page.clock.run_for(20)
    await page.clock.run_for(1000)
    await expect(announcer).to_have_text("3 new messages")


async def test_an_empty_room_says_so_until_the_first_word(visit: Visit, ada: Person) -> None:
    page = await visit(ada)
    card = page.get_by_text("Nothing has been said in lobby yet. Say the first word.")
    await expect(card).to_be_visible()
    await say(page, "The first word")
    await expect(texts(page)).to_have_text(["The first word"])
    await expect(card).to_be_hidden()
    await expect(page.get_by_text("This is where lobby begins.")).to_be_visible()
