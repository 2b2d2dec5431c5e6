"""What the operator reads in the log at the start."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from tests.people import visiting


@pytest.mark.parametrize(
    ("mode", "line"),
    [
        ("open", "no account yet: the first one to sign up becomes its admin"),
        ("invite", "no account yet: the first one to sign up becomes its admin"),
        ("closed", "no account yet: make one, which becomes the admin, with python -m chat user add"),
    ],
)
async def test_a_server_without_an_account_says_how_to_get_an_admin(
    start_server: Any, caplog: pytest.LogCaptureFixture, mode: str, line: str
) -> None:
    caplog.set_level(logging.INFO)
    await start_server(registration=mode)
    assert line in caplog.messages


async def test_a_server_with_an_account_says_nothing_of_the_first(
    start_server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    server = await start_server()
    async with visiting(server, "ada") as ada:
        await ada.sign_up()
    await server.stop()
    caplog.set_level(logging.INFO)
    await server.start()
    assert not any("no account yet" in message for message in caplog.messages)
