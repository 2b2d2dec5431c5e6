from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import examples
from tests.people import PASSWORD, Person, visiting
from tests.raw_http import exchange, written
from tests.servers import RunningServer

DAY_MS = 24 * 60 * 60 * 1000
NAME = "chat_session"


async def status_with(server: RunningServer, cookie: str) -> int:
    """What whoever sends this cookie, and no other, is told."""
    return (await exchange(server, written("GET", "/whoami", f"Cookie: {cookie}"))).status


def attributes(set_cookie: str) -> tuple[str, str, set[str]]:
    pair, *rest = set_cookie.split("; ")
    name, _, value = pair.partition("=")
    return name, value, {attribute for attribute in rest if not attribute.startswith("expires=")}


@pytest.mark.parametrize("path", ["/create_user", "/login"])
async def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(stranger: Person, path: str) -> None:
    if path == "/login":
        await stranger.sign_up()
    answer = await stranger.post(path, username="stranger", password=PASSWORD)
    set_cookie, of_the_device = answer.headers.getall("Set-Cookie")
    assert of_the_device.startswith("chat_device=")
    name, value, rest = attributes(set_cookie)
    assert name == NAME
    assert len(value) >= 128 / 6, "at least 128 bits, six a character"
    assert "stranger" not in value
    assert rest == {"HttpOnly", "SameSite=Lax", "Path=/", f"Max-Age={90 * DAY_MS // 1000}"}


@pytest.mark.settings(origin="https://chat.example.org")
async def test_with_tls_the_cookie_is_bound_to_it_and_to_the_host(server: RunningServer, stranger: Person) -> None:
    answer = await stranger.post("/create_user", username="stranger", password=PASSWORD)
    name, value, rest = attributes(answer.headers["Set-Cookie"])
    assert name == f"__Host-{NAME}"
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= rest
    assert not any(attribute.lower().startswith("domain") for attribute in rest)
    assert await status_with(server, f"{name}={value}") == 200
    assert await status_with(server, f"{NAME}={value}") == 401, "another name is another cookie"
    gone = await stranger.get("/logout", headers={"Cookie": f"{name}={value}"})
    assert {"Secure", "HttpOnly", "Path=/", "Max-Age=0"} <= attributes(gone.headers["Set-Cookie"])[2]
    assert await status_with(server, f"{name}={value}") == 401


async def test_the_store_holds_the_hash_of_the_cookie_and_nothing_else_of_it(
    server: RunningServer, stranger: Person
) -> None:
    await stranger.post("/create_user", username="zoe", password=PASSWORD)
    session_id = stranger.cookie.partition("=")[2]
    rows = server.query("SELECT id_hash FROM session")
    assert rows == [(hashlib.sha256(session_id.encode()).hexdigest(),)]
    await server.stop()
    for path in server.settings.data_dir.iterdir():
        assert session_id.encode() not in path.read_bytes()


async def test_a_plain_request_sets_no_cookie(ada: Person, stranger: Person) -> None:
    for person in (ada, stranger):
        for path in ("/", "/healthz", "/whoami", "/nowhere"):
            assert "Set-Cookie" not in (await person.get(path)).headers


@pytest.mark.parametrize("path", ["/create_user", "/login"])
async def test_signing_in_again_replaces_the_session(server: RunningServer, ada: Person, path: str) -> None:
    old = ada.cookie
    answer = await ada.post(path, username="ada" if path == "/login" else "zoe", password=PASSWORD)
    assert answer.status == 200
    assert ada.cookie != old
    assert await status_with(server, ada.cookie) == 200
    assert await status_with(server, old) == 401
    assert len(server.query("SELECT 1 FROM session")) == 1


async def test_an_id_that_someone_else_chose_is_never_used(
    server: RunningServer, ada: Person, stranger: Person
) -> None:
    chosen = {"Cookie": f"{NAME}=chosen-by-someone-else"}
    answer = await stranger.request("POST", "/login", json={"username": "ada", "password": PASSWORD}, headers=chosen)
    assert answer.status == 200
    assert "chosen-by-someone-else" not in answer.headers["Set-Cookie"]
    assert await status_with(server, chosen["Cookie"]) == 401


async def test_signing_out_removes_the_row_and_the_cookie(server: RunningServer, ada: Person, bob: Person) -> None:
    answer = await ada.get("/logout")
    name, value, rest = attributes(answer.headers["Set-Cookie"])
    assert (name, value.strip('"')) == (NAME, "")
    assert {"Max-Age=0", "Path=/"} <= rest
    assert server.query("SELECT user_id FROM session") == [(bob.user_id,)]


async def test_sessions_and_their_current_rooms_survive_a_restart(server: RunningServer, ada: Person) -> None:
    await ada.post("/create_room", room="tea")
    async with visiting(server, "ada") as phone:
        await phone.sign_in()
        await phone.joins("tea")
        await server.stop()
        await server.start()
        assert (await ada.post("/send_message", message="hi")).body["room"] == "lobby"
        assert (await phone.post("/send_message", message="hi")).body["room"] == "tea"


async def test_a_session_that_ended_stays_ended_after_a_restart(server: RunningServer, ada: Person) -> None:
    cookie = ada.cookie
    await ada.get("/logout")
    await server.stop()
    await server.start()
    assert await status_with(server, cookie) == 401


@pytest.mark.parametrize(
    ("created_days", "used_days", "status"),
    [(0, 0, 200), (13, 13, 200), (15, 15, 401), (89, 0, 200), (91, 0, 401), (-1, -1, 200)],
)
async def test_a_session_lasts_two_weeks_unused_and_three_months_used(
    server: RunningServer, ada: Person, created_days: int, used_days: int, status: int
) -> None:
    await server.stop()
    server.query(
        "UPDATE session SET created_at = created_at - ?, last_used_at = last_used_at - ?",
        created_days * DAY_MS,
        used_days * DAY_MS,
    )
    await server.start()
    assert await status_with(server, ada.cookie) == status


@pytest.mark.settings(sessions_per_user_max=2)
async def test_one_session_too_many_ends_the_longest_unused(server: RunningServer, ada: Person) -> None:
    async with visiting(server, "ada") as phone, visiting(server, "ada") as tablet:
        await phone.sign_in()
        assert (await ada.get("/whoami")).status == 200
        await tablet.sign_in()
        assert [(await device.get("/whoami")).status for device in (ada, phone, tablet)] == [200, 401, 200]


async def test_the_kind_of_browser_is_kept_in_part(server: RunningServer, stranger: Person) -> None:
    fields = {"username": "zoe", "password": PASSWORD}
    await stranger.request("POST", "/create_user", json=fields, headers={"User-Agent": "Browser " + "x" * 1000})
    ((user_agent,),) = server.query("SELECT user_agent FROM session")
    assert user_agent.startswith("Browser xxx")
    assert len(user_agent) == 200


RUBBISH = [
    f"{NAME}=",
    f"{NAME}",
    f"{NAME}=a; {NAME}=b",
    f'{NAME}="\\355\\240\\200"',
    f"{NAME}=\udcff\udcfe",
    f"{NAME}=" + "a" * 8000,
    f"{NAME}=1' OR '1'='1",
    ";;;=;=",
    "\udcff=\udcff",
    "é=é",
    'a="unfinished',
    "$Version=1; $Path=/; " + f"{NAME}=x; $Domain=y",
]


async def test_a_cookie_of_rubbish_is_no_session(server: RunningServer, subtests: pytest.Subtests) -> None:
    for cookie in RUBBISH:
        with subtests.test(ascii(cookie)[:60]):
            answer = await exchange(server, written("GET", "/whoami", f"Cookie: {cookie}"))
            assert (answer.status, answer.body["code"]) == (401, "not_signed_in")


@given(rubbish=st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=60))
@examples(150)
async def test_whatever_the_cookie_it_is_no_session_and_no_fault(server: RunningServer, rubbish: str) -> None:
    answer = await exchange(server, written("GET", "/whoami", f"Cookie: {NAME}={rubbish}"))
    assert (answer.status, answer.body["code"]) == (401, "not_signed_in")


async def test_a_cookie_among_others_is_found(server: RunningServer, ada: Person) -> None:
    request = written("GET", "/whoami", f"Cookie: theme=dark; {ada.cookie}; a=b; {NAME}x=c")
    assert (await exchange(server, request)).status == 200


async def test_a_cookie_larger_than_any_header_may_be_is_refused(server: RunningServer) -> None:
    answer = await exchange(server, written("GET", "/whoami", f"Cookie: {NAME}=" + "a" * 20_000))
    assert answer.status == 400


async def test_a_session_whose_predecessor_cannot_be_ended_is_as_good_as_any(
    server: RunningServer, ada: Person
) -> None:
    before = ada.cookie
    server.query("CREATE TRIGGER none_ends BEFORE DELETE ON session BEGIN SELECT raise(ABORT, 'not now'); END")
    assert (await ada.sign_in()).status == 200
    assert ada.cookie != before
    for cookie in (before, ada.cookie):
        assert await status_with(server, cookie) == 200, "the old one goes on until it expires"
    assert server.query("SELECT count(*) FROM session") == [(2,)]
