"""What axe-core finds wrong with a page for people who cannot see it, hear it or hold a mouse."""

from __future__ import annotations

from importlib import resources

from playwright.async_api import Page

# The browser runs it for the debugger, whom the page's own Content-Security-Policy does not bind.
AXE_CORE = (resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")

# axe-core leaves these two of WCAG's rules out unless asked for them.
RUN = """async () => {
    const rules = { "target-size": { enabled: true }, "label-content-name-mismatch": { enabled: true } };
    const { violations } = await axe.run(document, { rules, resultTypes: ["violations"] });
    return violations.map(({ id, impact, help, nodes }) => {
        const targets = nodes.map(({ target }) => target.flat().join(" "));
        return `${id} (${impact}): ${help}: ${targets.join(", ")}`;
    });
}"""


async def violations(page: Page) -> list[str]:
    """One line for each rule broken, best practices among them, with the elements that break it."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE_CORE)
    return await page.evaluate(RUN)  # type: ignore[no-any-return]
