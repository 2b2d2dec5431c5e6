"""History: pages of fifty, and whole rooms, from a small room and from a huge one."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.cast import room_name
from bench.load.requests import http_request, keep_asking
from bench.load.room_stream import WorkNotDone
from bench.load.wire import MARKER
from bench.message_file import data_with_messages
from bench.processes import HOST, Server
from bench.results import Ratio, Result, Series, ratios
from bench.rooms import ChatRooms
from bench.scenarios.turns import take_turns
from bench.stage import Stage

PAGE = 50
SMALL, HUGE = 1_000, 1_000_000
_SMALL_ROOM, _HUGE_ROOM = room_name(0), room_name(1)
# How often each is listed in a turn, so that a turn is not over in a moment.
_LISTINGS = {_SMALL_ROOM: 20, _HUGE_ROOM: 1}
_SMALL, _HUGE = "small", "huge"
_READ_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class _Listing:
    per_second: float
    most_memory: int


def huge_data(stage: Stage) -> tuple[Path, int]:
    """The data directory with both rooms, and how many messages the huge one has."""
    huge = stage.scaled(HUGE)
    path = data_with_messages(stage.cast, stage.directory / "huge", {_SMALL_ROOM: SMALL, _HUGE_ROOM: huge})
    return path, huge


def measure(stage: Stage) -> Result:
    data_dir, huge = huge_data(stage)
    with stage.chat(data_dir=data_dir) as chat:
        chat.join(0, _HUGE_ROOM)
        newest = take_turns(
            stage, {_SMALL: _pages(stage, chat, _SMALL_ROOM, None), _HUGE: _pages(stage, chat, _HUGE_ROOM, None)}
        )
        middle = take_turns(stage, {
            _SMALL: _pages(stage, chat, _SMALL_ROOM, SMALL // 2),
            _HUGE: _pages(stage, chat, _HUGE_ROOM, SMALL + huge // 2),
        })  # fmt: skip
        before = chat.server.memory_bytes()
        whole = take_turns(stage, {
            _SMALL: partial(_listing, chat, _SMALL_ROOM, SMALL), _HUGE: partial(_listing, chat, _HUGE_ROOM, huge),
        })  # fmt: skip
    names = {_SMALL: f"room of {SMALL:,}", _HUGE: f"room of {huge:,}"}
    series = [
        *[Series(n, f"newest {PAGE}, server CPU", "ms", newest[room]) for room, n in names.items()],
        *[Series(n, f"{PAGE} from the middle, server CPU", "ms", middle[room]) for room, n in names.items()],
        *[Series(n, "whole room, messages a second", "/s", [each.per_second for each in whole[room]])
          for room, n in names.items()],
        Series(names[_HUGE], "most the server's memory grew by meanwhile", "MB",
               [(each.most_memory - before) / 1e6 for each in whole[_HUGE]]),
    ]  # fmt: skip
    return Result(
        "history",
        f"History from a room of {SMALL:,} and of {huge:,}",
        f"Pages of {PAGE} over one connection, the newest and from the middle; and the whole room as one listing, each "
        "message counted and in order.",
        series,
        [
            Ratio(
                f"newest {PAGE}: room of {huge:,} / room of {SMALL:,}",
                ratios(newest[_HUGE], newest[_SMALL]),
                at_most=1.3,
            ),
            Ratio(f"{PAGE} from the middle: the same", ratios(middle[_HUGE], middle[_SMALL]), at_most=1.3),
        ],
    )


def _pages(stage: Stage, chat: ChatRooms, room: str, before: int | None) -> Callable[[], float]:
    fields: dict[str, object] = {"room": room, "limit": PAGE} | ({} if before is None else {"before": before})
    request = http_request("POST", "/list_message", chat.server.port, chat.cookie(0), fields)
    return lambda: 1000 / keep_asking(chat.server, 1, stage.seconds / 2, lambda *_: request).per_cpu_second


def _listing(chat: ChatRooms, room: str, count: int) -> _Listing:
    """Messages a second of the whole listing, and the most memory the server had meanwhile."""
    times = _LISTINGS[room]
    with _most_memory(chat.server) as most:
        start = time.perf_counter()
        for _ in range(times):
            _list_whole_room(chat, room, count)
        seconds = time.perf_counter() - start
    return _Listing(times * count / seconds, max(most))


def _list_whole_room(chat: ChatRooms, room: str, count: int) -> None:
    connection = http.client.HTTPConnection(HOST, chat.server.port, timeout=60)
    headers = {"Content-Type": "application/json", "Cookie": chat.cookie(0)}
    try:
        connection.request("POST", "/list_message", json.dumps({"room": room}), headers)
        numbers = _numbers(connection.getresponse())
    finally:
        connection.close()
    if len(numbers) != count or numbers != list(range(numbers[0], numbers[0] + count)):
        raise WorkNotDone(f"The listing of {room} had {len(numbers)} messages, or not in order; {count} are there.")


def _numbers(response: http.client.HTTPResponse) -> list[int]:
    numbers: list[int] = []
    rest = b""
    while data := response.read1(_READ_BYTES):
        data = rest + data
        end = 0
        for match in MARKER.finditer(data):
            numbers.append(int(match[2]))
            end = match.end()
        rest = data[max(end, len(data) - _READ_BYTES) :]
    return numbers


@contextmanager
def _most_memory(server: Server) -> Iterator[list[int]]:
    """What the server's memory was, looked at ten times a second during the block."""
    seen = [server.memory_bytes()]
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.1):
            seen.append(server.memory_bytes())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()
