"""What people write to harm others shows as what it is: nothing runs, nothing else on the screen is changed."""

from __future__ import annotations

from typing import Any

from playwright.async_api import FloatRect, Locator, Page, Request, expect

from tests.people import Person, visiting
from tests.servers import RunningServer
from tests.static.conftest import Visit
from tests.static.panels import open_administration, open_audit, open_rooms
from tests.static.steps import is_ready, texts, title

HTML = [
    '<img src="https://evil.example/x" onerror="alert(1)">',
    "<script>alert(1)</script>",
    '<a href="javascript:alert(1)">a</a> javascript:alert(1) data:text/html,<script>alert(1)</script>',
    "<svg onload=alert(1)><iframe srcdoc='<script>alert(1)</script>'>",
    "</div></li></ol><style>*{display:none}</style><base href=https://evil.example>",
    "{{constructor.constructor('alert(1)')()}} ${alert(1)}",
]
NAME = "<img src=x onerror=alert(1)>"  # a slash is refused in names
RLO, PDI, ZWSP, ESC = "\u202e", "\u2069", "\u200b", "\x1b"
MARKS = "a" + "\u0301" * 3999
TURNED = f"{RLO}gnp.exe {PDI}{PDI} end"
UNSEEN = [ZWSP * 4000, "\u2062" * 100 + "x", f"{ESC}[2J{ESC}[31mred{ESC}]0;owned\x07", "\r\r\rover\b\b\b"]

# Told by the browser itself, of everything that the page's own policy had to stop.
WATCH = """globalThis.violations = [];
addEventListener("securitypolicyviolation", ({ violatedDirective }) => violations.push(violatedDirective));"""


async def watched(visit: Visit, person: Person, **options: Any) -> tuple[Page, list[str]]:
    """A page, and what it did that it should not: dialogs, and requests to anywhere else."""
    found: list[str] = []

    def note(request: Request) -> None:
        if not request.url.startswith(person.server.url):
            found.append(request.url)

    async def prepare(page: Page) -> None:
        await page.add_init_script(WATCH)
        page.on("dialog", lambda dialog: found.append(dialog.message))
        page.on("request", note)

    page = await visit(person, prepare=prepare, **options)
    await is_ready(page)
    return page, found


async def is_unharmed(page: Page, found: list[str]) -> None:
    assert found == []
    assert await page.evaluate("() => violations") == []
    assert await page.locator("#app :is(img, script, iframe, style, base, [onerror], [onload])").count() == 0


async def box(part: Locator) -> FloatRect:
    found = await part.bounding_box()
    assert found is not None
    return found


async def test_markup_in_names_and_messages_is_text_wherever_it_is_shown(
    visit: Visit, server: RunningServer, ada: Person
) -> None:
    async with visiting(server, NAME) as mallory:
        await mallory.sign_up()
        await mallory.joins()
        assert (await ada.post("/create_room", room=NAME)).status == 200
        page, found = await watched(visit, ada)
        for text in HTML:
            await mallory.says(text)
        await expect(texts(page)).to_have_text(HTML)
        await expect(page.locator("#messages .author").first).to_have_text(NAME)
        assert await page.locator("#messages a").count() == 2  # the real addresses in them, as such
        await ada.post("/deactivate_user", username=NAME)
        await open_administration(page)
        await expect(page.get_by_role("button", name=f"Reactivate: {NAME}")).to_be_visible()
        await page.keyboard.press("Escape")
        await open_audit(page)
        await expect(page.get_by_role("listitem").filter(has_text=f"deactivated {NAME}")).to_be_visible()
        await page.keyboard.press("Escape")
        await page.get_by_role("link", name=NAME).click()
        await expect(title(page)).to_have_text(NAME)
        await page.get_by_role("button", name="Delete the room").click()
        await expect(page.locator("#confirm-text")).to_contain_text(NAME)
        await page.get_by_role("button", name="Delete room", exact=True).click()
        await expect(page.locator("#notice-text")).to_contain_text(NAME)
        await is_unharmed(page, found)


async def test_what_is_piled_up_or_turned_around_or_unseen_stays_within_its_own_lines(
    visit: Visit, ada: Person, bob: Person
) -> None:
    await ada.says("line above")
    hostile = [MARKS, TURNED, *UNSEEN]
    for text in hostile:
        await bob.says(text)
        await ada.says("plain line")
    page, found = await watched(visit, ada, width=360)
    items = page.locator("#messages > li")
    await expect(items).to_have_count(2 * len(hostile) + 1)
    plain = [await box(items.nth(number)) for number in range(2, 2 * len(hostile) + 1, 2)]
    assert len({line["height"] for line in plain}) == 1
    assert {(line["x"], line["width"]) for line in plain} == {(plain[0]["x"], plain[0]["width"])}
    assert (await box(items.nth(2)))["height"] < 100

    # Painted: the lines around the piled marks look the same as where there are none.
    marks = texts(page).nth(1)
    await marks.scroll_into_view_if_needed()
    above, below = texts(page).nth(0), texts(page).nth(2)
    with_marks = [await line.screenshot() for line in (above, below)]
    await marks.evaluate("text => { text.style.visibility = 'hidden' }")
    assert [await line.screenshot() for line in (above, below)] == with_marks
    await is_unharmed(page, found)


async def test_no_direction_mark_turns_what_stands_beside_it_around(visit: Visit, ada: Person, bob: Person) -> None:
    address = "https://example.org/"
    await bob.says(f"{address}{RLO}gro.elgoog//:sptth `{RLO}code` then plain\nnext line")
    page, found = await watched(visit, ada)
    link = page.locator("#messages a")
    await expect(link).to_have_text(address)
    await expect(link).to_have_attribute("href", address)
    for part in ("author", "text", "text a", "text code"):
        direction = page.locator(f"#messages .{part}").first
        assert await direction.evaluate("part => getComputedStyle(part).unicodeBidi") in ("isolate", "plaintext")
    # Left to right: the letters of the second line stand in the order in which they were typed.
    lefts = await page.locator("#messages .text").evaluate(
        """(text) => {
            const node = text.lastChild;
            const from = node.data.indexOf("next line");
            return [0, 3, 8].map((step) => {
                const range = document.createRange();
                range.setStart(node, from + step);
                range.setEnd(node, from + step + 1);
                return range.getBoundingClientRect().left;
            });
        }"""
    )
    assert lefts == sorted(lefts)
    await open_rooms(page)
    await is_unharmed(page, found)
