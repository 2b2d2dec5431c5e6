"""What every limit answers to the one who is refused, and that it lets the others in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from chat.services import passwords
from chat.web.keys import HASHER, LIMITS
from tests.conftest import StartServer
from tests.people import PASSWORD, PATIENCE_SECONDS, Answer, Person, Socket, visiting
from tests.raw_sockets import PING, PONG, TEXT, raw_socket
from tests.servers import RunningServer

PROXY: dict[str, Any] = {"trusted_proxies": "127.0.0.1"}
HERE, THERE, NEXT_DOOR = "203.0.113.7", "203.0.113.8", "2001:db8::7"
HOUR = 3600


async def from_address(person: Person, address: str, path: str = "/login", **fields: str) -> Answer:
    """A request that a proxy passes on; without fields a sign-in with a wrong password."""
    body = {"username": "ada", "password": "not her password"} | fields
    return await person.request("POST", path, json=body, headers={"X-Forwarded-For": address})


def refused_with(answer: Answer, code: str) -> int:
    """Check that the answer is a limit's; the seconds it says to wait."""
    assert (answer.status, answer.body["code"]) == (429, code), answer
    assert answer.body["error"].endswith(".")
    seconds = int(answer.headers["Retry-After"])
    assert seconds >= 1
    return seconds


def later(server: RunningServer, seconds: float) -> None:
    """Let time pass for the limits."""
    limits, clock = server.app[LIMITS], server.app[LIMITS].clock
    limits.clock = lambda: clock() + seconds


@asynccontextmanager
async def flooding(person: Person, frame: dict[str, Any], count: int) -> AsyncIterator[Socket]:
    """A socket of the person that has sent a frame so often."""
    async with person.live() as socket:
        for _ in range(count):
            await socket.send(**frame)
        yield socket


@pytest.mark.settings(**PROXY, sign_in_failures_per_name_and_address_per_hour=2)
async def test_wrong_passwords_for_one_name_from_one_address(
    server: RunningServer, ada: Person, bob: Person, stranger: Person
) -> None:
    for _ in range(2):
        assert (await from_address(stranger, HERE)).status == 401
    wait = refused_with(await from_address(stranger, HERE), "too_many_sign_ins")
    refused_with(await from_address(stranger, HERE, password=PASSWORD), "too_many_sign_ins")
    assert (await from_address(stranger, THERE, password=PASSWORD)).status == 200
    assert (await from_address(bob, HERE, username="bob", password=PASSWORD)).status == 200
    assert (await ada.get("/whoami")).status == 200, "who is signed in stays so"
    async with visiting(server, "ada") as another:
        refused_with(await from_address(another, HERE, password=PASSWORD), "too_many_sign_ins")
        later(server, wait)
        assert (await from_address(another, HERE, password=PASSWORD)).status == 200


@pytest.mark.settings(**PROXY, sign_in_failures_per_address_per_hour=2)
async def test_wrong_passwords_for_many_names_from_one_address(ada: Person, stranger: Person) -> None:
    for username in ("nobody", "someone"):
        assert (await from_address(stranger, HERE, username=username)).status == 401
    refused_with(await from_address(stranger, HERE, password=PASSWORD), "too_many_sign_ins")
    assert (await from_address(stranger, THERE, password=PASSWORD)).status == 200
    assert (await from_address(ada, HERE, password=PASSWORD)).status == 200, "a device she has signed in from"


@pytest.mark.settings(**PROXY, sign_in_failures_per_name_per_hour=3)
async def test_wrong_passwords_for_one_name_from_many_addresses(ada: Person, stranger: Person) -> None:
    for address in (HERE, THERE, NEXT_DOOR):
        assert (await from_address(stranger, address)).status == 401
    refused_with(await from_address(stranger, "198.51.100.1", password=PASSWORD), "too_many_sign_ins")
    assert (await from_address(ada, THERE, password=PASSWORD)).status == 200, "a device she has signed in from"


@pytest.mark.settings(
    sign_in_failures_per_name_and_address_per_hour=1,
    sign_in_failures_per_address_per_hour=1,
    sign_in_failures_per_name_per_hour=3,
)
async def test_what_comes_from_this_machine_is_no_address(ada: Person, bob: Person, stranger: Person) -> None:
    async def sign_in(username: str, password: str) -> Answer:
        return await stranger.post("/login", username=username, password=password)

    for _ in range(3):
        assert (await sign_in("ada", "not her password")).status == 401
    refused_with(await sign_in("ada", PASSWORD), "too_many_sign_ins")
    assert (await sign_in("bob", PASSWORD)).status == 200


@pytest.mark.settings(sign_in_failures_per_name_per_hour=1, sign_in_failures_per_device_per_hour=2)
async def test_a_known_device_has_its_own_limit_and_nobody_elses(
    server: RunningServer, ada: Person, stranger: Person
) -> None:
    await stranger.post("/login", username="ada", password="not her password")
    refused_with(await stranger.post("/login", username="ada", password=PASSWORD), "too_many_sign_ins")
    for _ in range(2):
        assert (await ada.post("/login", username="ada", password="not her password")).status == 401
    wait = refused_with(await ada.sign_in(), "too_many_sign_ins")
    later(server, wait)
    assert (await ada.sign_in()).status == 200


@pytest.mark.settings(sign_in_failures_per_name_per_hour=1)
async def test_a_device_is_known_after_signing_out_and_after_a_restart(server: RunningServer, ada: Person) -> None:
    assert (await ada.get("/logout")).status == 200
    await server.stop()
    await server.start()
    async with visiting(server, "stranger") as stranger:
        assert (await stranger.post("/login", username="ada", password="not her password")).status == 401
        refused_with(await stranger.post("/login", username="ada", password=PASSWORD), "too_many_sign_ins")
    assert (await ada.sign_in()).status == 200


@pytest.mark.settings(sign_in_failures_per_name_per_hour=1)
async def test_a_device_of_someone_else_or_a_made_up_one_is_a_strangers(
    ada: Person, bob: Person, stranger: Person
) -> None:
    await stranger.post("/login", username="ada", password="not her password")
    body = {"username": "ada", "password": PASSWORD}
    name, _, value = bob.device_cookie.partition("=")
    for made_up in (value, value.replace(str(bob.user_id), str(ada.user_id), 1), "1.a.b", "é", ""):
        answer = await stranger.request("POST", "/login", json=body, headers={"Cookie": f"{name}={made_up}"})
        refused_with(answer, "too_many_sign_ins")


@pytest.mark.settings(sign_in_failures_per_name_per_hour=1)
async def test_a_name_that_nobody_has_is_refused_in_the_same_words(ada: Person, stranger: Person) -> None:
    answers = []
    for username in ("ada", "nobody"):
        fields = {"username": username, "password": "not the password"}
        assert (await stranger.post("/login", **fields)).status == 401
        answers.append(await stranger.post("/login", **fields))
        refused_with(answers[-1], "too_many_sign_ins")
    assert answers[0].body == answers[1].body
    assert set(answers[0].headers) == set(answers[1].headers)


@pytest.mark.settings(sign_in_failures_per_name_per_hour=1)
async def test_over_the_limit_nothing_is_hashed(server: RunningServer, ada: Person, stranger: Person) -> None:
    for username in ("ada", "nobody"):
        assert (await stranger.post("/login", username=username, password="not the password")).status == 401
    server.app[HASHER].close()
    for username in ("ada", "nobody"):
        refused_with(await stranger.post("/login", username=username, password="not the password"), "too_many_sign_ins")


@pytest.mark.settings(sign_in_failures_per_name_per_hour=3)
async def test_guesses_made_at_once_are_counted_before_they_are_answered(
    monkeypatch: pytest.MonkeyPatch, ada: Person, stranger: Person
) -> None:
    hashed, verify = [], passwords._verify

    def counted(password: str, password_hash: str) -> bool:
        hashed.append(password)
        return verify(password, password_hash)

    monkeypatch.setattr(passwords, "_verify", counted)
    guesses = [stranger.post("/login", username="ada", password="not her password") for _ in range(20)]
    statuses = [answer.status for answer in await asyncio.gather(*guesses)]
    assert (statuses.count(401), statuses.count(429), len(hashed)) == (3, 17, 3)


@pytest.mark.settings(**PROXY, sign_ups_per_address_per_hour=2)
async def test_accounts_made_from_one_address(server: RunningServer, stranger: Person) -> None:
    async def sign_up(username: str, address: str = HERE) -> Answer:
        return await from_address(stranger, address, "/create_user", username=username, password=PASSWORD)

    assert (await sign_up("ada")).status == 200
    assert (await sign_up("ADA")).status == 409
    assert (await sign_up("bob")).status == 200
    wait = refused_with(await sign_up("carl"), "too_many_sign_ups")
    assert (await sign_up("carl", THERE)).status == 200
    later(server, wait)
    assert (await sign_up("dora")).status == 200


@pytest.mark.settings(sign_ups_per_address_per_hour=1)
async def test_accounts_made_from_this_machine_are_not_counted(ada: Person, bob: Person) -> None:
    assert ada.user_id != bob.user_id


@pytest.mark.settings(rooms_per_user_per_hour=2)
async def test_rooms_made_by_one_user(server: RunningServer, ada: Person, bob: Person) -> None:
    for room, status in (("tea", 200), ("TEA", 409), ("", 422), ("coffee", 200)):
        assert (await ada.post("/create_room", room=room)).status == status
    wait = refused_with(await ada.post("/create_room", room="milk"), "too_many_rooms")
    assert (await bob.post("/create_room", room="milk")).status == 200
    later(server, wait)
    assert (await ada.post("/create_room", room="water")).status == 200


@pytest.mark.settings(requests_per_user_burst=5, requests_per_user_per_second=0.1)
async def test_requests_of_one_user(server: RunningServer, ada: Person, bob: Person, stranger: Person) -> None:
    later(server, HOUR)
    for _ in range(5):
        assert (await ada.get("/get_rooms")).status == 200
    wait = refused_with(await ada.get("/get_users"), "too_many_requests")
    refused_with(await ada.post("/send_message", room="lobby", message="hi"), "too_many_requests")
    assert (await ada.refused_handshake("/ws")).status == 429
    assert (await bob.get("/get_rooms")).status == 200
    assert (await stranger.get("/whoami")).status == 401, "who is not signed in is no user"
    later(server, wait)
    assert (await ada.get("/get_rooms")).status == 200


@pytest.mark.settings(frames_per_user_burst=4, frames_per_user_per_second=0.5)
async def test_messages_over_http_count_like_frames(server: RunningServer, ada: Person, bob: Person) -> None:
    async with flooding(ada, {"type": "ping"}, 2) as socket:
        await socket.settled()
        await ada.says("hi")
        wait = refused_with(await ada.post("/send_message", room="lobby", message="hi"), "too_many_requests")
        assert (await ada.get("/get_rooms")).status == 200, "what is no message is counted apart"
        await bob.says("hi")
        later(server, wait)
        await ada.says("hi again")


@pytest.mark.settings(frames_per_user_burst=10, frames_per_user_per_second=50)
async def test_a_flood_of_frames_is_read_slowly_told_once_and_loses_nothing(ada: Person, bob: Person) -> None:
    count = 40
    async with bob.live() as bystander, ada.live() as socket:
        start = asyncio.get_running_loop().time()
        for number in range(count):
            await socket.send(message=str(number), client_id=str(number))
        answers = [await socket.next("chat", "error") for _ in range(count + 1)]
        seconds = asyncio.get_running_loop().time() - start
        await bystander.send(message="hello")
        heard = [(await bystander.next("chat"))["message"] for _ in range(count + 1)]
    (error,) = [frame for frame in answers if frame["type"] == "error"]
    assert error["code"] == "too_many_frames"
    assert "50 frames a second" in error["error"]
    assert heard == [*map(str, range(count)), "hello"]
    assert seconds >= (count - 10 - 1) / 50


@pytest.mark.settings(frames_per_user_burst=5, frames_per_user_per_second=4)
async def test_only_the_sockets_of_the_one_who_floods_are_held_back(ada: Person, bob: Person) -> None:
    async with AsyncExitStack() as stack:
        first, second = [await stack.enter_async_context(ada.live()) for _ in range(2)]
        bystander = await stack.enter_async_context(bob.live())
        for _ in range(8):
            await first.send(type="ping")
        assert (await first.next("error"))["code"] == "too_many_frames"
        await second.send(type="ping")
        assert (await second.next("error"))["code"] == "too_many_frames", "they share what their user has"
        await bystander.settled()
        await bystander.send(message="hi")
        for socket in (first, second, bystander):
            assert (await socket.next("chat"))["message"] == "hi", "who is held back still reads"


@pytest.mark.settings(frames_per_user_burst=3, frames_per_user_per_second=0.01, heartbeat_seconds=0.2)
async def test_a_socket_that_is_held_back_is_not_taken_for_a_dead_one(
    monkeypatch: pytest.MonkeyPatch, ada: Person, bob: Person
) -> None:
    monkeypatch.setattr("chat.web.sockets._LONGEST_PAUSE_SECONDS", 0.05)
    async with raw_socket(ada) as socket:
        await socket.next("live")
        for _ in range(5):
            await socket.send_frame(TEXT, b'{"type":"ping"}')
        assert (await socket.next("error"))["code"] == "too_many_frames"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.6):  # twice what the heartbeat gives a socket from which nothing is read
                while True:
                    assert (await socket.receive_frame())[0] == TEXT
        await bob.says("still there?")
        assert (await socket.next("chat"))["message"] == "still there?"


@pytest.mark.settings(frames_per_user_burst=3, frames_per_user_per_second=0.01)
async def test_a_socket_that_is_held_back_is_closed_with_its_session(
    monkeypatch: pytest.MonkeyPatch, ada: Person
) -> None:
    monkeypatch.setattr("chat.web.sockets._LONGEST_PAUSE_SECONDS", 0.05)
    async with flooding(ada, {"type": "ping"}, 5) as socket:
        await socket.next("error")
        assert (await ada.get("/logout")).status == 200
        assert await socket.close_code() == 4401


@pytest.mark.settings(frames_per_user_burst=4, frames_per_user_per_second=20)
async def test_control_frames_count_too(ada: Person) -> None:
    async with raw_socket(ada) as socket:
        await socket.next("live")
        for number in range(10):
            await socket.send_frame(PING, str(number).encode())
        pongs: list[int] = []
        errors: list[str] = []
        while len(pongs) < 10:
            opcode, payload = await socket.receive_frame()
            if opcode == PONG:
                pongs.append(int(payload))
            elif json.loads(payload)["type"] == "error":
                errors.append(json.loads(payload)["code"])
    assert pongs == list(range(10))
    assert errors == ["too_many_frames"]


@pytest.mark.settings(frames_per_user_burst=8, frames_per_user_per_second=4)
async def test_a_subscription_counts_as_four_frames(ada: Person) -> None:
    async with ada.connected("/ws") as socket:
        for kind in ("subscribe", "subscribe", "ping"):
            await socket.send(type=kind, room="lobby")
        told = [(await socket.next("live", "pong", "error"))["type"] for _ in range(4)]
    assert told == ["live", "live", "pong", "error"]


@pytest.mark.settings(sockets_per_user_max=2)
async def test_sockets_of_one_user(ada: Person, bob: Person) -> None:
    async with ada.live(), AsyncExitStack() as stack:
        second = await stack.enter_async_context(ada.live())
        refusal = await ada.refused_handshake("/ws")
        assert (refusal.status, refusal.headers and refusal.headers["Retry-After"]) == (429, "1")
        refused_with(await ada.get("/ws", headers={"Upgrade": "websocket"}), "too_many_sockets")
        async with bob.live():
            pass
        await second.connection.close()
        async with asyncio.timeout(PATIENCE_SECONDS), ada.live():
            pass


@pytest.mark.settings(sockets_per_user_max=3)
async def test_sockets_opened_at_once_do_not_all_pass(ada: Person) -> None:
    async def open_one(stack: AsyncExitStack) -> bool:
        try:
            await stack.enter_async_context(ada.connected())
        except Exception:  # noqa: BLE001  # which one is another test's
            return False
        return True

    async with AsyncExitStack() as stack:
        outcomes = await asyncio.gather(*(open_one(stack) for _ in range(10)))
        assert outcomes.count(True) == 3


async def test_a_day_of_honest_use_meets_no_limit(start_server: StartServer) -> None:
    server = await start_server()
    async with visiting(server, "ada") as ada:
        await ada.sign_up()
        await ada.joins()
        for _ in range(20):
            answers = [await ada.get(path) for path in ("/whoami", "/get_rooms", "/get_users", "/")]
            answers.append(await ada.post("/list_message", room="lobby", limit=50))
            assert {answer.status for answer in answers} == {200}
        async with ada.live() as socket:
            for number in range(300):
                await socket.send(message=str(number))
            for number in range(300):
                assert (await socket.next("chat", "error"))["message"] == str(number)


@pytest.mark.settings(sign_in_failures_per_device_per_hour=2)
async def test_a_stolen_session_is_no_place_to_guess_the_password(server: RunningServer, ada: Person) -> None:
    for path in ("/change_password", "/create_token"):
        answer = await ada.post(path, password="not her password", new_password="another good one", name="script")
        assert (answer.status, answer.body["code"]) == (403, "wrong_password")
    refused_with(await ada.post("/delete_account", password=PASSWORD), "too_many_sign_ins")
    async with visiting(server, "ada") as phone:
        assert (await phone.sign_in()).status == 200
        changed = await phone.post("/change_password", password=PASSWORD, new_password="another good one")
        assert changed.status == 200, "another session of hers has its own limit"
