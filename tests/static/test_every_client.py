"""Browsers, curl and websocat in one room."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.people import PATIENCE_SECONDS, Person
from tests.static.conftest import Visit
from tests.static.steps import say, status, texts


@pytest.fixture
def curl() -> str:
    if found := shutil.which("curl"):
        return found
    reason = "there is no curl: apt-get install curl"
    if "CI" in os.environ:
        pytest.fail(reason)
    pytest.skip(reason)


async def test_two_browsers_curl_and_websocat_talk_in_one_room(
    visit: Visit, ada: Person, bob: Person, curl: str
) -> None:
    hers, his = await visit(ada), await visit(bob)
    for page in (hers, his):
        await expect(status(page)).to_have_text("Connected")
    websocat = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("websocat")),
        f"{bob.server.url.replace('http', 'ws', 1)}/ws/chat/lobby?after=0", "-H", f"Cookie: {bob.cookie}",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert websocat.stdin is not None
    assert websocat.stdout is not None

    await say(hers, "from her browser")
    await expect(texts(his)).to_have_text(["from her browser"])
    await say(his, "from his browser")
    await expect(texts(hers)).to_have_text(["from her browser", "from his browser"])
    sending = await asyncio.create_subprocess_exec(
        curl, "--silent", "--fail", "-H", f"Cookie: {ada.cookie}", "-d", "room=lobby", "-d", "message=from curl",
        f"{ada.server.url}/send_message", stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert await sending.wait() == 0
    websocat.stdin.write(b'{"message":"from websocat"}\n')

    expected = ["from her browser", "from his browser", "from curl", "from websocat"]
    seen: list[str] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(seen) < len(expected):
            frame = json.loads(await websocat.stdout.readline())
            seen += [frame["message"]] if frame["type"] == "chat" else []
    websocat.stdin.close()
    await websocat.wait()
    assert seen == expected
    for page in (hers, his):
        await expect(texts(page)).to_have_text(expected)
    assert [message["message"] for message in await ada.listed()] == expected
