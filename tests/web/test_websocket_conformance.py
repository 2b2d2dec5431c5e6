"""The Autobahn test cases for WebSocket servers, which nobody here wrote, against our endpoint."""

from __future__ import annotations

from fnmatch import fnmatch

import kosoku
import pytest
from aiohttp import web

from chat.models import Session
from chat.protocol import text_frame
from chat.web import sockets
from chat.web.keys import SESSIONS
from tests.people import Person
from tests.servers import RunningServer

# What the cases want echoed and the protocol of this server refuses, with the code that says so.
REFUSED = {
    "1.2.*": 1003,  # binary messages
    "9.1.6": 1009,  # 16 MiB, more than the longest message that can be set
    "9.2.[1-5]": 1003,
    "9.2.6": 1009,
    "9.4.*": 1003,
    "9.6.*": 1003,
    "9.8.*": 1003,
}


def refusal(case_id: str) -> int | None:
    return next((code for pattern, code in REFUSED.items() if fnmatch(case_id, pattern)), None)


@pytest.fixture
def echo(server: RunningServer, ada: Person, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of the endpoint, without sign-in; it sends back what it gets, as the cases want it."""
    session = server.app[SESSIONS].find(next(iter(server.app[SESSIONS]._sessions)))
    assert session is not None
    assert session.user.user_id == ada.user_id

    async def signed_in(_: web.Request) -> Session:
        return session

    async def send_back(self: sockets._Conversation, text: str) -> None:
        self._subscriber.send(text_frame(text))

    monkeypatch.setattr(sockets, "signed_in", signed_in)
    monkeypatch.setattr(sockets._Conversation, "_on_text", send_back)
    return server.url.replace("http:", "ws:") + "/ws"


@pytest.mark.settings(message_max_characters=1_000_000, frames_per_user_burst=1_000_000)
async def test_the_endpoint_conforms_to_the_protocol(echo: str) -> None:
    try:
        # 12 and 13 are about compression, which is not offered.
        results = await kosoku.run_fuzzingclient(echo, exclude_cases=["12.*", "13.*"], concurrency=4)
    except kosoku.FailureError as failure:
        results = failure.results
    assert len(results) > 300
    failed = {
        result.case_id: (result.behavior.value, result.behavior_close.value, result.remote_close_code)
        for result in results
        if not result.passed and refusal(result.case_id) is None
    }
    assert failed == {}
    wrongly_refused = {
        result.case_id: result.remote_close_code
        for result in results
        if refusal(result.case_id) not in (None, result.remote_close_code)
    }
    assert wrongly_refused == {}
