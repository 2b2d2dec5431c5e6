"""Who may do what: for every address there is, each way to be someone who may not."""

from __future__ import annotations

from typing import Any

import pytest

from chat.web.routes import ROUTES
from tests.people import Person, visiting
from tests.raw_http import exchange, written
from tests.servers import RunningServer
from tests.tokens import bearer, made_token, session_id

Route = tuple[str, str]

# Every address stands in exactly one of these: whoever adds one has to say who may use it.
PUBLIC: set[Route] = {
    ("GET", "/"),
    ("GET", "/service_worker.js"),
    ("GET", "/manifest.webmanifest"),
    ("GET", "/static/{name:.*[^/]}"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
    ("GET", "/registration"),
    ("POST", "/create_user"),
    ("POST", "/login"),
    ("POST", "/reset_password"),
}
SIGNED_IN: set[Route] = {
    ("GET", "/logout"),
    ("POST", "/logout"),
    ("GET", "/whoami"),
    ("GET", "/get_users"),
    ("POST", "/change_password"),
    ("GET", "/get_sessions"),
    ("POST", "/end_session"),
    ("GET", "/get_tokens"),
    ("POST", "/create_token"),
    ("POST", "/revoke_token"),
    ("POST", "/delete_account"),
    ("GET", "/get_audit"),
    ("POST", "/create_room"),
    ("GET", "/get_rooms"),
    ("POST", "/join_room"),
    ("POST", "/leave_room"),
    ("POST", "/send_message"),
    ("POST", "/list_message"),
    ("GET", "/ws"),
    ("GET", "/ws/chat/{room}"),
    ("GET", "/ws/chat/{room}/{user_id}"),
}
ADMIN: set[Route] = {
    ("POST", "/create_invite"),
    ("GET", "/get_invites"),
    ("POST", "/revoke_invite"),
    ("POST", "/deactivate_user"),
    ("POST", "/reactivate_user"),
    ("POST", "/create_password_reset"),
    ("POST", "/delete_room"),
    ("POST", "/delete_message"),
}
UNSAFE = sorted({(method, path) for method, path, _ in ROUTES if method != "GET"} | {("GET", "/logout")})
SOCKETS = sorted((method, path) for method, path, _ in ROUTES if path.startswith("/ws"))
# What every endpoint would be content with, so that nothing but the right is missing.
FIELDS = {
    "username": "bob", "password": "correct horse battery", "new_password": "another horse battery", "room": "lobby",
    "message": "hi", "name": "script", "session_id": "0" * 16, "token_id": "0" * 16, "reset": "x", "invite_id": 1,
    "id": 1,
}  # fmt: skip


def filled(path: str) -> str:
    return path.replace("{room}", "lobby").replace("{user_id}", "2")


def spellings(path: str) -> tuple[str, str]:
    return filled(path), filled(path) + "/"


def request_to(route: Route, headers: dict[str, str]) -> dict[str, Any]:
    """What to send besides: a body, or what a WebSocket begins with."""
    if route[1].startswith("/ws"):
        handshake = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
        return {"headers": handshake | {"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="} | headers}
    return {"headers": headers} | ({"json": FIELDS} if route[0] == "POST" else {})


async def refusals(person: Person, routes: set[Route] | list[Route], headers: dict[str, str]) -> set[tuple[int, str]]:
    """What this person is told at each of these addresses: status and code."""
    answers = set()
    for route in sorted(routes):
        for path in spellings(route[1]):
            answer = await person.request(route[0], path, **request_to(route, headers))
            assert answer.status >= 400, route
            answers.add((answer.status, answer.body["code"]))
    return answers


def test_it_is_said_of_every_address_who_may_use_it() -> None:
    routes = {(method, path) for method, path, _ in ROUTES}
    assert routes == PUBLIC | SIGNED_IN | ADMIN
    assert len(PUBLIC) + len(SIGNED_IN) + len(ADMIN) == len(routes)


async def test_without_a_session_there_is_nothing_but_what_is_public(ada: Person, stranger: Person) -> None:
    assert await refusals(stranger, SIGNED_IN | ADMIN, {}) == {(401, "not_signed_in")}


async def test_a_token_in_the_cookie_is_worth_nothing(ada: Person, bob: Person, stranger: Person) -> None:
    headers = {"Cookie": f"chat_session={await made_token(bob)}"}
    assert await refusals(stranger, SIGNED_IN | ADMIN, headers) == {(401, "not_signed_in")}
    assert (await bob.get("/get_tokens")).body["tokens"][0]["name"] == "script", "and it is not ended"


async def test_a_session_id_for_a_token_is_worth_nothing(ada: Person, stranger: Person) -> None:
    headers = bearer(session_id(ada))
    assert await refusals(stranger, SIGNED_IN | ADMIN, headers) == {(401, "not_signed_in")}
    assert (await ada.get("/whoami")).status == 200


@pytest.mark.parametrize("scheme", ["Bearer", "Basic", "Bearer x", "Token", "", "Bearer=", "Bearer,"])
async def test_a_bad_authorization_header_is_not_made_good_by_the_cookie(ada: Person, scheme: str) -> None:
    token = await made_token(ada)
    headers = {"Authorization": f"{scheme} {token}" if scheme not in ("Bearer", "Bearer x") else scheme}
    everything_else = SIGNED_IN | ADMIN | {route for route in PUBLIC if route[0] == "POST"}
    assert await refusals(ada, everything_else, headers) == {(401, "not_signed_in")}
    answer = await ada.get("/whoami", headers=headers)
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert (await ada.get("/whoami", headers=bearer(token))).status == 200


async def test_two_authorization_headers_are_none(server: RunningServer, ada: Person) -> None:
    header = f"Authorization: Bearer {await made_token(ada)}"
    assert (await exchange(server, written("GET", "/whoami", header))).status == 200
    for headers in ([header, header], [header, "Authorization: Basic x"], ["Authorization: Basic x", header]):
        assert (await exchange(server, written("GET", "/whoami", *headers))).status == 401


async def test_what_is_an_admins_is_refused_to_everyone_else(ada: Person, bob: Person, stranger: Person) -> None:
    assert await refusals(bob, ADMIN, {}) == {(403, "not_admin")}
    assert await refusals(stranger, ADMIN, bearer(await made_token(bob))) == {(403, "not_admin")}
    assert (await ada.get("/get_audit")).body["entries"] == [], "nothing has been done"


async def test_an_admin_is_one_with_a_token_too(ada: Person, stranger: Person) -> None:
    headers = bearer(await made_token(ada))
    assert (await stranger.request("POST", "/create_invite", headers=headers)).status == 200
    assert (await stranger.get("/get_invites", headers=headers)).status == 200


def look_alikes(host: str, port: int) -> list[str]:
    """Origins that are not http://host:port, however much they try to look like it."""
    return [
        "null",
        "",
        "http://evil.example",
        "HTTP://EVIL.EXAMPLE",
        f"http://{host}.evil.example",
        f"http://{host}.evil.example:{port}",
        f"http://evil.example:{port}",
        f"http://{host}:{port}@evil",
        f"http://{host}:{port}@evil.example:{port}",
        f"http://evil@{host}:{port}",
        f"http://{host}:{port + 1}",
        f"http://{host}",
        f"http://{host}.:{port}",
        f"http://{host}:{port}.",
        f"http://{host}:{port}/",
        f"http://{host}:0{port}",
        f"ws://{host}:{port}",
        f"http:{host}:{port}",
        f" http://{host}:{port} http://evil.example",
    ]


async def test_no_other_site_can_make_a_browser_change_anything(ada: Person, subtests: pytest.Subtests) -> None:
    for origin in look_alikes(*ada.server.address):
        with subtests.test(origin):
            assert await refusals(ada, UNSAFE, {"Origin": origin}) == {(403, "cross_site")}
            sent_along = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
            assert await refusals(ada, UNSAFE, sent_along) == {(403, "cross_site")}
    for fetch_site in ("cross-site", "same-site", "Same-Origin", "", "same-origin, same-origin"):
        with subtests.test(fetch_site):
            assert await refusals(ada, UNSAFE, {"Sec-Fetch-Site": fetch_site}) == {(403, "cross_site")}
    assert (await ada.get("/whoami")).status == 200


async def test_no_other_site_can_open_a_socket(ada: Person, subtests: pytest.Subtests) -> None:
    for origin in look_alikes(*ada.server.address):
        with subtests.test(origin):
            assert await refusals(ada, SOCKETS, {"Origin": origin}) == {(403, "foreign_origin")}


async def test_what_a_token_sends_no_other_site_can_have_made(ada: Person, stranger: Person) -> None:
    headers = bearer(await made_token(ada)) | {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}
    answer = await stranger.request("POST", "/join_room", json={"room": "lobby"}, headers=headers)
    assert answer.status == 200
    async with stranger.connected("/ws", headers=headers) as socket:
        await socket.send(type="ping")
        assert await socket.receive() == {"type": "pong"}


@pytest.mark.parametrize("token", ["x", "chat_x", ""])
async def test_another_site_gains_nothing_by_a_token_that_is_none(ada: Person, token: str) -> None:
    headers = bearer(token) | {"Origin": "http://evil.example"}
    assert await refusals(ada, UNSAFE + SOCKETS, headers) == {(401, "not_signed_in")}


@pytest.mark.parametrize("path", ["/login", "/create_user"])
async def test_the_id_of_a_session_is_the_servers_choice_and_new_at_each_sign_in(
    server: RunningServer, ada: Person, stranger: Person, path: str
) -> None:
    async with visiting(server, "victim") as victim:
        fields = {"username": "ada" if path == "/login" else "victim", "password": ada.password}
        planted = session_id(ada) if path == "/create_user" else "chosen-by-someone-else"
        headers = {"Cookie": f"chat_session={planted}"}
        answer = await victim.request("POST", path, json=fields, headers=headers)
        assert answer.status == 200
        first = session_id(victim)
        assert first not in ("", planted)
        assert (await stranger.get("/whoami", headers=headers)).status == 401, "not even the one that was good"
        assert (await victim.request("POST", "/login", json=fields)).status == 200
        assert session_id(victim) not in ("", planted, first)
        assert (await stranger.get("/whoami", headers={"Cookie": f"chat_session={first}"})).status == 401
