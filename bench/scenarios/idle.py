"""Idle sockets: what each holds in memory, and how fast they come."""

from __future__ import annotations

import time

from bench.cast import room_name
from bench.results import Ratio, Result, Series, ratios
from bench.rooms import RoomServer
from bench.scenarios.fan_out import PLAIN
from bench.stage import Stage

_ROOM = room_name(0)
# Until the last handshakes are worked off and people have been told of each other.
_SETTLING_SECONDS = 2


def measure_10_000(stage: Stage) -> Result:
    return _measure(stage, "idle_10000", 10_000)


def measure_50_000(stage: Stage) -> Result:
    return _measure(stage, "idle_50000", 50_000)


def _measure(stage: Stage, key: str, wanted: int) -> Result:
    sockets = min(stage.scaled(wanted), stage.sockets_max)
    memory: dict[str, list[float]] = {}
    rate: dict[str, list[float]] = {}
    for _ in range(stage.rounds):
        with stage.contestants(only=["aiohttp"]) as contestants:
            for contestant in contestants:
                bytes_each, per_second = _fill(contestant, sockets)
                memory.setdefault(contestant.name, []).append(bytes_each / 1000)
                rate.setdefault(contestant.name, []).append(per_second)
    remarks = []
    if sockets < wanted:
        remarks.append(
            f"{sockets:,} sockets instead of {wanted:,}"
            + (": this system grants a process no more file descriptors (ulimit -Hn)." if stage.scale == 1 else ".")
        )
    return Result(
        key,
        f"{sockets:,} idle signed-in sockets",
        f"{len(stage.cast.cookies)} people open {sockets:,} sockets to one room, 128 handshakes under way at a time, "
        "from several loopback addresses. Memory is what the process grew by (proportional set size), divided by the "
        "sockets; what the kernel holds for them comes on top. The peer signs nobody in and keeps no session.",
        [
            *[Series(name, "memory of each socket", "KB", values) for name, values in memory.items()],
            *[Series(name, "handshakes a second", "/s", values) for name, values in rate.items()],
        ],
        [
            Ratio("chat: KB of memory for each socket", memory["chat"], at_most=20),
            Ratio("chat: handshakes a second", rate["chat"], at_least=1000),
            Ratio(f"chat / {PLAIN}: memory of each socket", ratios(memory["chat"], memory[PLAIN])),
            Ratio(f"chat / {PLAIN}: handshakes a second", ratios(rate["chat"], rate[PLAIN])),
        ],
        remarks=remarks,
    )


def _fill(contestant: RoomServer, sockets: int) -> tuple[float, float]:
    """Bytes of each socket, and handshakes a second."""
    visitors = contestant.open(100, _ROOM)  # what the first visitors make the server load is not theirs
    before = contestant.server.memory_bytes()
    opened = contestant.open(sockets, _ROOM)
    time.sleep(_SETTLING_SECONDS)
    grown = contestant.server.memory_bytes() - before
    for connection, _ in (*visitors.connections, *opened.connections):
        connection.close()
    return grown / sockets, sockets / opened.seconds
