from __future__ import annotations

import pytest

from chat.web.pages import SITE
from chat.web.routes import ROUTES
from tests.people import Person
from tests.raw_http import exchange, written
from tests.servers import RunningServer

STYLE = f"{SITE.prefix}/style.css"
FILES = "/static/{name:.*[^/]}"
PUBLIC = {"/", "/service_worker.js", "/manifest.webmanifest", FILES, "/healthz", "/readyz", "/openapi.json", "/docs"}
PUBLIC |= {"/registration", "/create_user", "/login", "/reset_password"}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PATHS = sorted({path for _, path, _ in ROUTES})
READ = ["/", STYLE, "/healthz", "/readyz", "/openapi.json", "/docs", "/whoami", "/get_users", "/get_rooms", "/logout"]


def filled(path: str) -> str:
    return STYLE if path == FILES else path.replace("{room}", "lobby").replace("{user_id}", "1")


def taken(path: str) -> set[str]:
    methods = {method for method, other, _ in ROUTES if other == path}
    return methods | ({"HEAD"} if "GET" in methods else set())


def test_every_address_of_the_contract_is_in_the_table() -> None:
    assert {(method, path) for method, path, _ in ROUTES} >= {
        ("POST", "/create_user"),
        ("POST", "/login"),
        ("GET", "/logout"),
        ("POST", "/logout"),
        ("GET", "/get_users"),
        ("POST", "/create_room"),
        ("GET", "/get_rooms"),
        ("POST", "/join_room"),
        ("POST", "/send_message"),
        ("POST", "/list_message"),
        ("GET", "/"),
        ("GET", "/healthz"),
        ("GET", "/ws"),
        ("GET", "/ws/chat/{room}"),
        ("GET", "/ws/chat/{room}/{user_id}"),
    }


@pytest.mark.parametrize("slash", ["", "/"])
async def test_only_the_public_addresses_are_open_without_a_session(stranger: Person, slash: str) -> None:
    for method, path, _ in ROUTES:
        headers = {"Upgrade": "websocket", "Connection": "Upgrade"} if path.startswith("/ws") else {}
        for spelling in (method, "HEAD") if method == "GET" and not headers else (method,):
            answer = await stranger.request(
                spelling, filled(path).rstrip("/") + (slash or "/" * (path == "/")), headers=headers
            )
            if path in PUBLIC:
                assert answer.status in (200, 400), path  # 400: the fields are missing
            else:
                assert answer.status == 401, path
                assert spelling == "HEAD" or answer.body["code"] == "not_signed_in"


async def test_another_method_is_refused_and_told_which_there_are(ada: Person) -> None:
    for path in PATHS:
        for method in METHODS:
            if method not in taken(path):
                answer = await ada.request(method, filled(path))
                assert answer.status == 405, (method, path)
                assert set(answer.headers["Allow"].split(",")) == taken(path)
                assert method == "HEAD" or answer.body["code"] == "method_not_allowed"


async def test_head_says_what_get_does_without_the_body(ada: Person) -> None:
    for path in READ:  # /logout is last
        heads = [await ada.request("HEAD", spelling) for spelling in (path, path.rstrip("/") + "/")]
        got = await ada.get(path)
        for head in heads:
            assert (head.status, head.body) == (200, "")
            for name in ("Content-Type", "Content-Length"):
                assert head.headers[name] == got.headers[name], path


async def test_a_slash_at_the_end_changes_nothing(ada: Person) -> None:
    for path in READ[2:-1]:
        assert (await ada.get(path + "/")).body == (await ada.get(path)).body
    assert (await ada.post("/create_room/", room="tea")).status == 200
    assert (await ada.post("/join_room/", room="tea")).status == 200
    assert (await ada.post("/send_message/", message="hi")).body["room"] == "tea"
    assert len((await ada.post("/list_message/")).body["messages"]) == 1
    assert (await ada.post("/login/", username="ada", password=ada.password)).status == 200
    assert (await ada.post("/logout/")).status == 200
    assert (await ada.post("/create_user/", username="zoe", password=ada.password)).status == 200


async def test_an_address_that_does_not_exist_is_answered_in_json(
    server: RunningServer, subtests: pytest.Subtests
) -> None:
    for path in (
        "/nowhere",
        "/nowhere/",
        "/Login",
        "/login/x",
        "/login//",
        "//login",
        "//",
        "/index.html",
        "/ws/chat",
        "/ws/chat/a/1/b",
        "/%",
        "/%ff",
        "/login%00",
        "/%2e%2e/login2",
        "/" + "a" * 8000,
    ):
        for method in ("GET", "POST", "DELETE"):
            with subtests.test(f"{method} {path[:40]}"):
                answer = await exchange(server, written(method, path))
                assert (answer.status, answer.body["code"]) == (404, "not_found")
                assert answer.body["error"].endswith(".")


async def test_a_query_is_passed_over_where_there_is_none(ada: Person) -> None:
    assert (await ada.get("/get_rooms?x=%ff&room=lobby&&=")).status == 200


async def test_a_websocket_address_says_so_to_who_comes_without_one(ada: Person) -> None:
    for path in ("/ws", "/ws/chat/lobby"):
        answer = await ada.get(path)
        assert (answer.status, answer.body["code"]) == (426, "upgrade_required")
        assert answer.headers["Upgrade"] == "websocket"


async def test_what_is_not_http_is_refused_without_a_fault(server: RunningServer, subtests: pytest.Subtests) -> None:
    for request in (
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET * HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        b"POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nmany\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ):
        with subtests.test(ascii(request)):
            assert (await exchange(server, request)).status == 400
            assert (await exchange(server, written("GET", "/healthz"))).status == 200
