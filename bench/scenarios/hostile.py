"""Floods during delivery: what a few people do who mean harm must not be felt by those who talk."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.cast import PASSWORD, room_name, username
from bench.load.beside import beside
from bench.load.crowd import Crowd, Run
from bench.load.flood import flood_connections, flood_requests, flood_sockets, hold_connections
from bench.load.requests import http_request
from bench.load.wire import new_mask, text_frame
from bench.processes import Server
from bench.results import Ratio, Result, Series, ratios
from bench.rooms import ChatRooms
from bench.stage import Stage

BYSTANDERS, PER_SECOND = 20, 100
# People of the cast who are no bystanders, and how many sockets and connections each has.
HOSTILE, EACH = range(50, 54), 4
# Those who sign in again and again: it ends the older of their sessions, and the others need theirs.
_SIGNING_IN = range(54, 58)
SLOW_CONNECTIONS = 400
_QUIET_ROOM, _THEIR_ROOM = room_name(0), room_name(1)
_FRAMES = 200
_JOINING_SECONDS = 1.5
# What is felt of a flood, not of its first instant: of fewer messages, one in a hundred would be the latest but one.
_TURN_SECONDS_LEAST = 8
_MEMORY = Path("/dev/shm")  # a directory of our own is made in it
_QUIET_LOOKS, _LOOK_SECONDS = 50, 0.1

Flood = Callable[[ChatRooms, float], int]


def measure(stage: Stage) -> Result:
    floods = _floods()
    quiet: dict[str, list[float]] = {name: [] for name in floods}
    meanwhile: dict[str, list[float]] = {name: [] for name in floods}
    shares: dict[str, list[float]] = {name: [] for name in floods}
    # As people run it, behind a proxy: the floods come from addresses, which this machine's own is none of.
    with (
        _in_memory() as directory,
        stage.chat(
            "--trusted-proxies", "127.0.0.1", data_dir=stage.cast.copy(directory / "data"), limited=True
        ) as chat,
    ):
        for position in HOSTILE:
            chat.join(position, _THEIR_ROOM)
        crowd = Crowd(chat.server, chat.fill_room(_QUIET_ROOM, BYSTANDERS, 1))
        time.sleep(_JOINING_SECONDS)
        crowd.begin()
        seconds = max(_TURN_SECONDS_LEAST, stage.seconds)
        for _ in range(stage.rounds):
            for name, flood in floods.items():
                before = crowd.pace(seconds, PER_SECOND)
                with beside(flood, chat, seconds) as done:
                    during = crowd.pace(seconds, PER_SECOND)
                    done()
                quiet[name].append(1000 * before.latency(0.99))
                meanwhile[name].append(1000 * during.latency(0.99))
                shares[name].append(100 * (_cpu_share(during) - _cpu_share(before)))
                _wait_until_quiet(chat.server)
        crowd.close()
    return Result(
        "hostile",
        f"{len(HOSTILE)} people flood the server",
        f"{BYSTANDERS} sockets talk in a room, {PER_SECOND} messages a second, timed from when each was due. Half of "
        f"the time {len(HOSTILE)} people, over {EACH} sockets or connections each, do one of these things as fast as "
        "the server takes it. All limits are as people run it. The data lies in memory: a disk stops for longer now "
        "and then, and would hide what a flood costs.",
        [
            *[Series(f"before {name}", "latency, 99 of 100", "ms", quiet[name]) for name in floods],
            *[Series(f"during {name}", "latency, 99 of 100", "ms", meanwhile[name]) for name in floods],
            *[Series(name, "server CPU", "% of a core", shares[name]) for name in floods],
        ],
        [
            Ratio(
                f"bystanders' latency, 99 of 100, during {name} / before",
                ratios(meanwhile[name], quiet[name]),
                at_most=1.5,
            )
            for name in floods
        ],
    )


@contextmanager
def _in_memory() -> Iterator[Path]:
    """A directory that no disk is behind, where this system has such a place."""
    with TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as directory:
        yield Path(directory)


def _cpu_share(run: Run) -> float:
    return run.server_cpu_seconds / run.seconds


def _wait_until_quiet(server: Server) -> None:
    """Let the server finish with what it has taken in: the next round must not pay for this one."""
    for _ in range(_QUIET_LOOKS):
        before = server.cpu_seconds()
        time.sleep(_LOOK_SECONDS)
        if server.cpu_seconds() - before < _LOOK_SECONDS / 20:
            return


def _floods() -> dict[str, Flood]:
    room: dict[str, object] = {"room": _THEIR_ROOM}
    return {
        "messages": partial(_frames, [{"type": "send", "message": "spam " * 20} | room]),
        "frames that are refused": partial(_frames, [{"type": "nonsense"} | room]),
        "typing": partial(_frames, [{"type": "typing"} | room]),
        "subscribing and unsubscribing": partial(
            _frames, [{"type": "subscribe", "after": 0} | room, {"type": "unsubscribe"} | room]
        ),
        "messages that are too long": partial(_frames, [{"type": "send", "message": "x" * 60_000} | room]),
        "messages over HTTP": partial(_requests, "/send_message", lambda n: room | {"message": f"spam {n}"}),
        "new rooms": partial(_requests, "/create_room", lambda n: {"room": f"spam {n} {time.time_ns()}"}),
        "whole listings": partial(_requests, "/list_message", lambda _: room | {"limit": 500}),
        "sign-ups": partial(_requests, "/create_user", _new_account),
        "wrong passwords": partial(_requests, "/login", lambda n: _account(50 + n % 50) | {"password": "not this one"}),
        "right passwords": partial(_requests, "/login", lambda n: _account(_SIGNING_IN[n % 4])),
        "sockets opened and closed": _reconnect,
        "headers that never end": _slow_headers,
    }


def _account(position: int) -> dict[str, object]:
    return {"username": username(position), "password": PASSWORD}


def _new_account(number: int) -> dict[str, object]:
    return {"username": f"spam {number} {time.time_ns()}", "password": PASSWORD}


def _frames(frames: list[dict[str, object]], chat: ChatRooms, seconds: float) -> int:
    """Frames taken."""
    requests = [chat.request(position, _THEIR_ROOM) for position in HOSTILE for _ in range(EACH)]
    connections = [connection for connection, _ in chat.open_requests(requests).connections]
    mask = new_mask()
    several = max(1, _FRAMES // len(frames)) if len(str(frames)) < 10_000 else 1
    written = b"".join(text_frame(frame, mask) for frame in frames * several)
    taken = flood_sockets(connections, written, seconds)
    for connection in connections:
        connection.close()
    return taken * len(frames) * several // len(written)


def _requests(path: str, fields: Callable[[int], Mapping[str, object]], chat: ChatRooms, seconds: float) -> int:
    """Requests answered."""
    is_signed_in = path not in ("/create_user", "/login")

    def request(connection: int, number: int) -> bytes:
        cookie = chat.cookie(HOSTILE[connection % len(HOSTILE)]) if is_signed_in else ""
        written = http_request("POST", path, chat.server.port, cookie, dict(fields(number)))
        return _from_address(written, connection % len(HOSTILE))

    return flood_requests(chat.server.address, len(HOSTILE) * EACH, seconds, request)


def _reconnect(chat: ChatRooms, seconds: float) -> int:
    """Handshakes answered."""
    requests = [
        _from_address(chat.request(position, _THEIR_ROOM), position) for position in HOSTILE for _ in range(EACH)
    ]
    return flood_connections(chat.server.address, requests, seconds)


def _slow_headers(chat: ChatRooms, seconds: float) -> int:
    """Connections that stood at the end."""
    head = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: " + b"a" * 100_000
    return hold_connections(chat.server.address, SLOW_CONNECTIONS, seconds, head)


def _from_address(request: bytes, number: int) -> bytes:
    """The request as a proxy passes it on for one of some addresses."""
    line, _, rest = request.partition(b"\r\n")
    return line + b"\r\nX-Forwarded-For: 203.0.113.%d\r\n" % (number % 250 + 1) + rest
