"""How costs grow: with the room, with the number of rooms, with history, with idle sockets."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable

from bench.cast import room_name
from bench.message_file import data_with_messages
from bench.results import Curve, Result
from bench.rooms import ChatRooms
from bench.scenarios.turns import fill
from bench.stage import Stage

ROOM_SIZES = (10, 30, 100, 300, 1000, 3000, 10_000)
ROOM_NUMBERS = (1, 5, 20, 50, 100, 200)
MEMBERS = 20
HISTORIES = (0, 10_000, 100_000, 1_000_000)
IDLE_SOCKETS = (0, 1000, 4000, 16_000)
_SETTLING_SECONDS = 1.5


def measure(stage: Stage) -> Result:
    return Result(
        "growth",
        "How costs grow",
        "Our server alone, each point measured afresh. A delivery is one message at one socket; what it costs is the "
        "processor time of the whole server, intake and disk included, divided by the deliveries. "
        f"Room size: one sender, 16 messages under way, and one at a time. Number of rooms: {MEMBERS} members in each, "
        "one of whom sends the next message when the last is back. History: 20 senders with 16 messages under way "
        "each. Idle sockets: a busy room of 100 beside them.",
        curves=[
            _curve("Room size, 16 messages under way", "sockets in the room", _sizes(stage),
                   lambda size: _room(stage, size, 16)),
            _curve("Room size, one message at a time", "sockets in the room", _sizes(stage),
                   lambda size: _room(stage, size, 1)),
            _curve("Number of rooms", f"rooms of {MEMBERS}", ROOM_NUMBERS,
                   lambda rooms: _rooms(stage, rooms)),
            _curve("History", "messages in the database before", [stage.scaled(n) if n else 0 for n in HISTORIES],
                   lambda messages: _history(stage, messages)),
            _curve("Idle sockets", "idle sockets beside", [n for n in IDLE_SOCKETS if n <= stage.sockets_max - 200],
                   lambda sockets: _idle(stage, sockets)),
        ],
    )  # fmt: skip


def _sizes(stage: Stage) -> list[int]:
    return [size for size in ROOM_SIZES if size <= stage.sockets_max]


def _curve(title: str, x_label: str, xs: Iterable[int], costs: Callable[[int], list[float]]) -> Curve:
    # There and back again: a slow hour of the machine must not look like a bend.
    there = {x: costs(x) for x in xs}
    back = {x: costs(x) for x in reversed(there)}
    return Curve(title, x_label, "server CPU per delivery, µs", [(x, there[x] + back[x]) for x in there])


def _room(stage: Stage, sockets: int, in_flight: int) -> list[float]:
    with stage.chat() as chat:
        return _costs(stage, chat, sockets, in_flight=in_flight)


def _rooms(stage: Stage, rooms: int) -> list[float]:
    with stage.chat() as chat:
        return _costs(stage, chat, MEMBERS, in_flight=1, rooms=rooms)


def _history(stage: Stage, messages: int) -> list[float]:
    directory = data_with_messages(stage.cast, stage.new_directory() / "data", {room_name(0): messages})
    try:
        with stage.chat(data_dir=directory) as chat:
            return _costs(stage, chat, 20, senders=20, in_flight=16)
    finally:
        shutil.rmtree(directory)


def _idle(stage: Stage, sockets: int) -> list[float]:
    with stage.chat() as chat:
        idle = chat.open(sockets, room_name(1))
        time.sleep(_SETTLING_SECONDS)
        costs = _costs(stage, chat, 100, in_flight=16)
        for connection, _ in idle.connections:
            connection.close()
        return costs


def _costs(
    stage: Stage, chat: ChatRooms, sockets: int, *, in_flight: int, senders: int = 1, rooms: int = 1
) -> list[float]:
    (crowd,) = fill(stage, [chat], sockets, senders, rooms).values()
    try:
        crowd.saturate(stage.seconds / 4, in_flight)
        runs = [crowd.saturate(stage.seconds / 2, in_flight) for _ in range(-(-stage.rounds // 2))]
    finally:
        crowd.close()
    return [1e6 * run.server_cpu_seconds / run.deliveries for run in runs]
