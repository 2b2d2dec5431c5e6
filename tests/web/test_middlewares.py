from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from multidict import CIMultiDict

from chat import errors
from chat.settings import Settings
from chat.web.keys import SETTINGS
from chat.web.middlewares import STATUS_OF, errors_as_json, protect
from chat.web.pages import SITE
from chat.web.routes import ROUTES
from tests.people import PASSWORD, Person
from tests.raw_http import exchange, written
from tests.servers import RunningServer

AiohttpClient = Callable[[web.Application], Awaitable[TestClient[web.Request, web.Application]]]

STYLE = f"{SITE.prefix}/style.css"
PROTECTION = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "manifest-src 'self'",
    "worker-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types chat",
}
CHANGES = ["/create_user", "/login", "/logout", "/create_room", "/join_room", "/send_message", "/list_message"]
FIELDS = {"username": "zoe", "password": PASSWORD, "room": "lobby", "message": "hi"}


def every_kind(kind: type[errors.ChatError]) -> list[type[errors.ChatError]]:
    return [kind, *(found for child in kind.__subclasses__() for found in every_kind(child))]


# Nobody is answered with these over HTTP.
ON_THE_COMMAND_LINE = {errors.CommandRefused, *every_kind(errors.StartRefused)}


def failing(error: Exception) -> web.Application:
    """An application whose only handler raises."""

    async def fail(_request: web.Request) -> web.Response:
        raise error

    app = web.Application(middlewares=[errors_as_json])
    app[SETTINGS] = Settings()
    app.on_response_prepare.append(protect)
    app.router.add_get("/", fail)
    return app


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", STYLE, 200),
        ("GET", "/healthz", 200),
        ("GET", "/get_rooms", 200),
        ("POST", "/list_message", 200),
        ("POST", "/send_message", 400),
        ("GET", "/nowhere", 404),
        ("DELETE", "/login", 405),
        ("GET", "/ws", 426),
    ],
)
async def test_every_answer_carries_the_headers_that_keep_browsers_safe(
    ada: Person, method: str, path: str, status: int
) -> None:
    answer = await ada.request(method, path)
    assert answer.status == status
    for name, value in PROTECTION.items():
        assert answer.headers.getall(name) == [value]
    (policy,) = answer.headers.getall("Content-Security-Policy")
    assert set(policy.split("; ")) == POLICY
    assert "camera=()" in answer.headers["Permissions-Policy"]
    assert "Server" not in answer.headers
    assert "Strict-Transport-Security" not in answer.headers
    caching = {"/": "no-cache", STYLE: "public, max-age=31536000, immutable"}
    assert answer.headers["Cache-Control"] == caching.get(path, "no-store")


def unprotected(headers: Mapping[str, str]) -> list[str]:
    """What an answer lacks to be safe in a browser and to say nothing of the software."""
    lacking = [name for name, value in PROTECTION.items() if headers.get(name) != value]
    lacking += [
        name for name in ("Content-Security-Policy", "Permissions-Policy", "Cache-Control") if name not in headers
    ]
    return lacking + [
        f"Server: {headers[name]}" for name in ("Server",) if any(map(str.isdigit, headers.get(name, "")))
    ]


async def test_no_route_answers_anyone_without_them(ada: Person, stranger: Person) -> None:
    for path in sorted({path for _, path, _ in ROUTES}):
        address = path.replace("{name:.*[^/]}", "nothing.css").replace("{room}", "lobby").replace("{user_id}", "1")
        for method in ("GET", "HEAD", "POST", "DELETE", "OPTIONS"):
            for who in (stranger, ada) if address != "/logout" else (stranger,):
                answer = await who.request(method, address)
                assert unprotected(answer.headers) == [], (method, address, answer.status)


@pytest.mark.settings(connections_max=1)
async def test_what_never_becomes_a_request_is_answered_with_them_too(server: RunningServer) -> None:
    reader, writer = await asyncio.open_connection(*server.address)
    try:
        answer = await exchange(server, written("GET", "/"))  # there is no place for a second
        assert (answer.status, unprotected(answer.headers)) == (503, [])
        writer.write(b"GET / HTTP/9\r\n\r\n")
        head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        assert head[0].split()[1] == "400"
        assert unprotected(CIMultiDict((line.partition(": ")[0], line.partition(": ")[2]) for line in head[1:-1])) == []
    finally:
        writer.close()


@pytest.mark.settings(origin="https://chat.example.org")
async def test_browsers_are_told_to_stay_with_tls_where_there_is_tls(stranger: Person) -> None:
    for path in ("/", "/healthz", "/nowhere"):
        assert (await stranger.get(path)).headers["Strict-Transport-Security"].startswith("max-age=")


@pytest.mark.parametrize("fetch_site", ["cross-site", "same-site", "", "anything"])
async def test_what_a_browser_marks_as_from_elsewhere_is_refused(ada: Person, fetch_site: str) -> None:
    for path in CHANGES:
        for spelling in (path, path + "/"):
            answer = await ada.request("POST", spelling, json=FIELDS, headers={"Sec-Fetch-Site": fetch_site})
            assert (answer.status, answer.body["code"]) == (403, "cross_site"), spelling
    assert await ada.listed() == []


@pytest.mark.parametrize("fetch_site", ["same-origin", "none"])
async def test_what_a_browser_marks_as_our_own_is_let_in(ada: Person, fetch_site: str) -> None:
    for headers in ({"Sec-Fetch-Site": fetch_site}, {"Sec-Fetch-Site": fetch_site, "Origin": "http://elsewhere"}):
        answer = await ada.request("POST", "/send_message", json=FIELDS, headers=headers)
        assert answer.status == 200


async def test_a_foreign_origin_is_refused_and_our_own_let_in(ada: Person, subtests: pytest.Subtests) -> None:
    host, port = ada.server.address
    foreign = (
        "http://elsewhere",
        f"http://{host}",
        f"http://{host}:{port}0",
        f"http://{host}:{port}.elsewhere",
        f"http://elsewhere#{host}:{port}",
        f"http://elsewhere@{host}:{port}",
        f"ftp://{host}:{port}",
        f"{host}:{port}",
        f"http://{host}:{port}/",
        "http://[::1",
        "null",
        "",
        "é",
    )
    for path in CHANGES:
        for origin in foreign:
            with subtests.test(f"{path} from {origin}"):
                answer = await ada.request("POST", path, json=FIELDS, headers={"Origin": origin})
                assert (answer.status, answer.body["code"]) == (403, "cross_site")
    assert await ada.listed() == []
    for scheme in ("http", "https", "HTTP"):
        own = {"Origin": f"{scheme}://{host}:{port}"}
        assert (await ada.request("POST", "/send_message", json=FIELDS, headers=own)).status == 200


@pytest.mark.settings(origin="https://chat.example.org")
async def test_the_origin_of_the_settings_is_the_only_one(stranger: Person) -> None:
    own, host = "https://chat.example.org", stranger.server.url
    for origin in (
        host,
        "http://chat.example.org",
        own + ":443",
        own + ".elsewhere",
        "https://chat.example.or",
        "null",
    ):
        answer = await stranger.request("POST", "/create_user", json=FIELDS, headers={"Origin": origin})
        assert (answer.status, answer.body["code"]) == (403, "cross_site"), origin
    for origin in (own, own.upper()):
        answer = await stranger.request("POST", "/login", json=FIELDS, headers={"Origin": origin})
        assert (answer.status, answer.body["code"]) == (401, "wrong_credentials")


@pytest.mark.parametrize("path", ["/logout", "/logout/"])
@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://elsewhere"}], ids=str)
async def test_another_site_cannot_sign_anyone_out(ada: Person, path: str, headers: dict[str, str]) -> None:
    answer = await ada.get(path, headers=headers)
    assert (answer.status, answer.body["code"]) == (403, "cross_site")
    assert (await ada.get("/whoami")).status == 200


async def test_a_link_from_another_site_may_lead_to_what_changes_nothing(ada: Person) -> None:
    for path in ("/", "/get_rooms", "/healthz", STYLE):
        assert (await ada.get(path, headers={"Sec-Fetch-Site": "cross-site", "Origin": "null"})).status == 200


async def test_programs_that_send_neither_header_are_let_in(server: RunningServer, stranger: Person) -> None:
    answer = await exchange(server, written("POST", "/login", "Content-Type: application/json", body=b"{}"))
    assert (answer.status, answer.body["code"]) == (400, "missing_field")


async def test_a_fault_says_nothing_of_the_inside_and_the_log_says_all(
    aiohttp_client: AiohttpClient, caplog: pytest.LogCaptureFixture
) -> None:
    client = await aiohttp_client(failing(RuntimeError("the secret inside")))
    response = await client.get("/?é")
    assert (response.status, (await response.json())["code"]) == (500, "internal_error")
    assert "secret" not in await response.text()
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    (record,) = (record for record in caplog.records if record.levelno == logging.ERROR)
    assert record.exc_info
    assert "the secret inside" in caplog.text


@pytest.mark.parametrize("kind", [kind for kind in every_kind(errors.ChatError) if kind not in ON_THE_COMMAND_LINE])
async def test_every_refusal_is_json_with_its_status(
    aiohttp_client: AiohttpClient, kind: type[errors.ChatError]
) -> None:
    client = await aiohttp_client(failing(kind("A plain sentence.", "a_code")))
    response = await client.get("/")
    assert response.status == next((STATUS_OF[parent] for parent in kind.__mro__ if parent in STATUS_OF), 400)
    assert response.content_type == "application/json"
    assert await response.json() == {"error": "A plain sentence.", "code": "a_code"}
    assert ("Retry-After" in response.headers) == (response.status in (429, 503))


def test_every_refusal_has_a_status_of_its_own() -> None:
    for kind in every_kind(errors.ChatError):
        assert kind in STATUS_OF or kind is errors.ChatError or kind in ON_THE_COMMAND_LINE


@pytest.mark.parametrize("refusal", [web.HTTPNotFound, web.HTTPBadRequest, web.HTTPGone])
async def test_what_aiohttp_refuses_is_said_in_our_own_words(
    aiohttp_client: AiohttpClient, refusal: type[web.HTTPException]
) -> None:
    client = await aiohttp_client(failing(refusal()))
    response = await client.get("/")
    body = await response.json()
    assert response.status == refusal.status_code
    assert set(body) == {"error", "code"}
    assert body["error"].endswith(".")
