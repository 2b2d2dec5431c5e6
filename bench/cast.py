"""The people of the benchmark: signed up once through the front door, in a data directory that every run copies."""

from __future__ import annotations

import http.client
import json
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bench.load.room_stream import WorkNotDone
from bench.processes import HOST, Server, chat_server

PASSWORD = "a benchmark's own password"
ROOM_COUNT = 201
_SIGN_UPS_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Cast:
    """Signed-in people, all of them members of the first room.

    Args:
        data_dir: holds them; copied, never served itself.
        cookies: one for each person.
    """

    data_dir: Path
    cookies: Sequence[str]

    def copy(self, directory: Path) -> Path:
        """A data directory of its own for one server."""
        return Path(shutil.copytree(self.data_dir, directory))


def room_name(position: int) -> str:
    return f"bench-{position:03}"


def username(position: int) -> str:
    return f"person-{position:03}"


def sign_up_cast(directory: Path, people: int, rooms: int = ROOM_COUNT) -> Cast:
    """Start a server, let people sign up and join the first room, make the rooms, and stop it."""
    directory.mkdir(mode=0o700)
    with chat_server(directory) as server, ThreadPoolExecutor(_SIGN_UPS_AT_ONCE) as threads:
        first = _sign_up(server, username(0))
        for position in range(rooms):
            post(server, "/create_room", first, {"room": room_name(position)})
        cookies = [first, *threads.map(lambda position: _sign_up(server, username(position)), range(1, people))]
        for cookie in cookies[1:]:
            post(server, "/join_room", cookie, {"room": room_name(0)})
    return Cast(directory, cookies)


def post(server: Server, path: str, cookie: str, fields: dict[str, object]) -> dict[str, object]:
    """One request, answered with 200.

    Raises:
        WorkNotDone: it was answered with something else.
    """
    status, _, body = _request(server, path, cookie, fields)
    if status != http.HTTPStatus.OK:
        raise WorkNotDone(f"{path} was answered with {status}: {body[:300]!r}.")
    answer: dict[str, object] = json.loads(body)
    return answer


def _sign_up(server: Server, name: str) -> str:
    status, cookie, body = _request(server, "/create_user", "", {"username": name, "password": PASSWORD})
    if status != http.HTTPStatus.OK or not cookie:
        raise WorkNotDone(f"A sign-up was answered with {status}: {body[:300]!r}.")
    return cookie


def _request(server: Server, path: str, cookie: str, fields: dict[str, object]) -> tuple[int, str, bytes]:
    connection = http.client.HTTPConnection(HOST, server.port, timeout=60)
    try:
        headers = {"Content-Type": "application/json"} | ({"Cookie": cookie} if cookie else {})
        connection.request("POST", path, json.dumps(fields), headers)
        response = connection.getresponse()
        new_cookie = (response.getheader("Set-Cookie") or "").partition(";")[0]
        return response.status, new_cookie, response.read()
    finally:
        connection.close()
