"""The log: what it holds, what it never holds, and the id that ties its lines to a request."""

from __future__ import annotations

import json
import logging
import re
import signal
from contextvars import copy_context
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import logs
from chat.logs import JsonFormatter, TextFormatter
from chat.web.pages import SITE
from tests.examples import any_text, examples
from tests.people import PASSWORD, Person, visiting
from tests.processes import ServerProcess, server_process
from tests.raw_http import exchange, written
from tests.servers import RunningServer

NEW_PASSWORD = "a new one to keep"
ACTING = ["\x7f", "\x9b31m", "\u061c", "\u200e", "\u200f", "\u2028", "\u202a", "\u202e", "\u2066", "\u2069"]
FORGERY = "x\n2026-01-01 00:00:00,000 CRITICAL forged\r\x1b[31m\u2028\x9b31m\u202e"
MADE_ID = re.compile(r"[0-9a-f]{16}")
HARMLESS = ["a", "x" * 64, "trace-1.2_3"]
HARMFUL = ["", "x" * 65, "a b", "a\tb", "é", "a]b", "\x1b[31m", "a/b", '"']


def record(message: str, *arguments: object, error: BaseException | None = None) -> logging.LogRecord:
    made = logging.LogRecord(
        "chat.web", logging.WARNING, __file__, 1, message, arguments, (type(error), error, None) if error else None
    )
    made.created = 1_767_225_600.25
    return made


def test_a_line_of_text_holds_level_message_and_the_request_id_where_there_is_one() -> None:
    line = record("room: %d created", 7)
    assert TextFormatter().format(line).endswith(" WARNING room: 7 created")
    line.request_id = "trace-1"
    assert TextFormatter().format(line).endswith(" WARNING room: 7 created [trace-1]")


def test_a_line_of_json_holds_every_field_and_no_empty_one() -> None:
    line = record("room: %d created", 7)
    fields = {
        "time": "2026-01-01T00:00:00.250Z", "level": "warning", "logger": "chat.web", "message": "room: 7 created",
    }  # fmt: skip
    assert json.loads(JsonFormatter().format(line)) == fields
    line = record("fault", error=RuntimeError("inside"))
    line.request_id = "trace-1"
    found = json.loads(JsonFormatter().format(line))
    assert found["request_id"] == "trace-1"
    assert "RuntimeError: inside" in found["exception"]


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()], ids=["text", "json"])
@given(text=any_text | st.just(FORGERY))
@examples(100)
def test_nothing_in_a_message_can_make_a_second_line_or_steer_a_terminal(
    formatter: logging.Formatter, text: str
) -> None:
    line = formatter.format(record("refused: %s", text))
    assert len(line.splitlines()) == 1
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]", line)


@pytest.mark.parametrize("acting", ["\x1b[31m", "\x07", "\n", *ACTING])
def test_what_acts_on_a_terminal_is_spelt_out_in_the_log_as_in_json(acting: str) -> None:
    for formatter in (TextFormatter(), JsonFormatter()):
        line = formatter.format(record("refused: %s", acting))
        assert acting[0] not in line
        assert f"{ord(acting[0]):x}" in line or ascii(acting[0])[1:-1] in line


def test_nothing_in_an_exception_can_pass_for_a_line_of_the_log() -> None:
    first, *others = TextFormatter().format(record("fault", error=RuntimeError(FORGERY))).split("\n")
    assert first.endswith(" WARNING fault")
    assert others
    assert all(line.startswith("    ") for line in others)
    assert "\x1b" not in "".join(others)
    assert len(JsonFormatter().format(record("fault", error=RuntimeError(FORGERY))).splitlines()) == 1


@pytest.mark.parametrize("proposed", HARMLESS)
def test_a_harmless_request_id_is_kept(proposed: str) -> None:
    assert copy_context().run(logs.begin_request, proposed) == proposed


@pytest.mark.parametrize("proposed", [None, *HARMFUL])
def test_any_other_is_replaced_by_one_of_our_own(proposed: str | None) -> None:
    first, second = (copy_context().run(logs.begin_request, proposed) for _ in range(2))
    assert MADE_ID.fullmatch(first)
    assert first != second


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("HEAD", "/", 200),
        ("GET", f"{SITE.prefix}/style.css", 200),
        ("GET", "/healthz", 200),
        ("POST", "/list_message", 200),
        ("POST", "/send_message", 400),
        ("GET", "/nowhere", 404),
        ("DELETE", "/login", 405),
        ("GET", "/ws", 426),
    ],
)
async def test_every_answer_names_its_request(ada: Person, method: str, path: str, status: int) -> None:
    answer = await ada.request(method, path, headers={"X-Request-Id": "trace-1"})
    assert (answer.status, answer.headers.getall("X-Request-Id")) == (status, ["trace-1"])
    made = [(await ada.request(method, path)).headers["X-Request-Id"] for _ in range(2)]
    assert MADE_ID.fullmatch(made[0])
    assert made[0] != made[1]


async def test_what_was_not_modified_a_handshake_and_its_refusal_name_their_request_too(
    ada: Person, stranger: Person
) -> None:
    named = {"X-Request-Id": "trace-1"}
    etag = (await ada.get("/")).headers["ETag"]
    answer = await ada.get("/", headers=named | {"If-None-Match": etag})
    assert (answer.status, answer.headers["X-Request-Id"]) == (304, "trace-1")
    async with ada.session.ws_connect(ada.server.url + "/ws", headers=named) as socket:
        assert socket._response.headers["X-Request-Id"] == "trace-1"
    refusal = await stranger.refused_handshake("/ws", headers=named)
    assert refusal.headers is not None
    assert (refusal.status, refusal.headers["X-Request-Id"]) == (401, "trace-1")


async def test_a_harmful_request_id_and_a_request_that_is_not_http_get_one_of_our_own(server: RunningServer) -> None:
    answer = await exchange(server, written("GET", "/healthz", "X-Request-Id: a]\tforged"))
    assert MADE_ID.fullmatch(answer.headers["X-Request-Id"])
    answer = await exchange(server, b"GET / HTTP/1.1\r\nno header\r\nX-Request-Id: a\r\n\r\n")
    assert answer.status == 400
    assert MADE_ID.fullmatch(answer.headers["X-Request-Id"])


async def test_the_lines_of_a_request_carry_its_id_and_those_of_the_next_do_not(
    ada: Person, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.handler.addFilter(logs._add_request_id)
    with caplog.at_level(logging.INFO, "chat"):
        await ada.request("POST", "/create_room", json={"room": "tea"}, headers={"X-Request-Id": "first"})
        await ada.request("POST", "/create_room", json={"room": "coffee"}, headers={"X-Request-Id": "second"})
    ids = [line.request_id for line in caplog.records if line.message.startswith("room: ")]  # type: ignore[attr-defined]
    assert ids == ["first", "second"]


async def rules(server: ServerProcess, ada: Person) -> set[str]:
    """What only an admin does, and what is done with the codes that come of it; returns them."""
    token = (await ada.post("/create_token", name="a script", password=PASSWORD)).body["token"]
    invite = (await ada.post("/create_invite")).body["invite"]
    async with visiting(server, "bob") as bob:
        assert (await bob.get("/whoami", headers={"Authorization": f"Bearer {token}"})).status == 200
        assert (await bob.get("/whoami", headers={"Authorization": f"Bearer {token}x"})).status == 401
        await bob.post("/create_user", username="bob", password=PASSWORD, invite=invite)
        reset = (await ada.post("/create_password_reset", username="bob")).body["reset"]
        assert (await bob.post("/reset_password", reset=f"{reset}x", password=NEW_PASSWORD)).status == 403
        assert (await bob.post("/reset_password", reset=reset, password=NEW_PASSWORD)).status == 200
        await bob.post("/login", username="bob", password=NEW_PASSWORD)
        await bob.post("/change_password", password=NEW_PASSWORD, new_password=PASSWORD)
        assert (await ada.post("/deactivate_user", username="bob")).status == 200
    assert (await ada.post("/delete_room", room="tea")).status == 200
    return {token, invite, reset}


async def does_everything(server: ServerProcess) -> set[str]:
    """A session that uses all there is; returns what no log may hold."""
    async with visiting(server, "ada") as ada:
        await ada.sign_up()
        cookies = {ada.cookie.partition("=")[2]}
        assert (await ada.post("/login", username="ada", password="wrong password 1")).status == 401
        await ada.sign_in()
        cookies.add(ada.cookie.partition("=")[2])
        await ada.joins()
        await ada.post("/create_room", room="tea")
        await ada.says("spoken over HTTP", client_id="id-over-http")
        await ada.says("spoken over HTTP", client_id="id-over-http")
        async with ada.live() as socket:
            await socket.send(type="typing")
            await socket.send(message="spoken over a socket")
            await socket.send(type="read", cursor=1)
            await socket.send(message="")
            await socket.settled()
        await ada.listed()
        for path in (
            "/get_users",
            "/get_rooms",
            "/whoami",
            "/readyz",
            "/nowhere/%1b%5b31m%0aforged?password=asked+for",
        ):
            await ada.get(path)
        await ada.request("POST", "/send_message", data=b"{broken", headers={"Content-Type": "application/json"})
        await ada.request("POST", "/login", data={"username": FORGERY, "password": FORGERY})
        await ada.get("/", headers={"User-Agent": "\x9b31mforged", "X-Request-Id": "trace-1"})
        codes = await rules(server, ada)
        await ada.leaves()
        await ada.get("/logout")
    return {
        PASSWORD,
        NEW_PASSWORD,
        *codes,
        "wrong password 1",
        "spoken over",
        "asked for",
        "asked+for",
        "forged",
        "id-over-http",
        *cookies,
    }


@pytest.mark.parametrize("log_format", ["text", "json"])
async def test_the_log_of_a_session_that_does_everything_holds_no_secret_at_debug_level(
    data_dir: Path, log_format: str
) -> None:
    async with server_process(data_dir, "--log-level", "debug", "--log-format", log_format) as server:
        secrets = await does_everything(server)
        server.send_signal(signal.SIGTERM)
        assert await server.exit_code() == 0
        log = server.log
    assert "request: POST /send_message 200, " in log
    assert "request: GET nowhere 404, " in log
    assert "request: GET /ws/chat/{room} 101, " in log
    assert [secret for secret in secrets if secret in log] == []
    assert "\x1b" not in log
    if log_format == "json":
        lines = [json.loads(line) for line in log.splitlines()]
        assert "trace-1" in {line.get("request_id") for line in lines}
        assert all(line["time"].endswith("Z") for line in lines)
    else:
        assert re.search(r"request: GET / 200, [\d.]+ ms \[trace-1]\n", log)


async def test_at_its_usual_level_the_log_is_silent_about_single_requests(data_dir: Path) -> None:
    async with server_process(data_dir) as server, visiting(server, "stranger") as stranger:
        assert (await stranger.get("/healthz")).status == 200
        server.send_signal(signal.SIGTERM)
        assert await server.exit_code() == 0
    assert "request:" not in server.log
