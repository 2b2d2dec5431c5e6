"""Fan-out at full speed: how many deliveries a second of processor time is worth."""

from __future__ import annotations

from collections.abc import Sequence

from bench.results import Result
from bench.scenarios.turns import against, saturate, series_of
from bench.stage import Stage

PLAIN = "aiohttp, send_str to each"


def measure_100(stage: Stage) -> Result:
    return _measure(stage, "fan_out_100", sockets=100, in_flight=64, reach=16)


def measure_1000(stage: Stage) -> Result:
    # It makes about a thousand deliveries a second: one turn would take minutes.
    return _measure(stage, "fan_out_1000", sockets=1000, in_flight=16, reach=13, without=("django",))


def _measure(
    stage: Stage, key: str, *, sockets: int, in_flight: int, reach: float, without: Sequence[str] = ()
) -> Result:
    with stage.contestants(without=without) as contestants:
        runs = saturate(stage, contestants, sockets=sockets, senders=1, in_flight=in_flight)
    per_cpu = series_of(runs, "deliveries per server CPU-second", "/s", lambda run: run.deliveries_per_cpu_second)
    per_second = series_of(runs, "deliveries a second", "/s", lambda run: run.deliveries / run.seconds)
    load = series_of(runs, "share of its core that the load used", "", lambda run: run.load_share)
    return Result(
        key,
        f"Fan-out at full speed, {sockets:,} sockets in a room",
        f"One of {sockets:,} sockets sends messages of 128 characters, {in_flight} of them under way at any time; "
        "every socket gets every message. Peers store nothing unless their name says so; ours stores each before "
        "anyone sees it.",
        [*per_cpu.values(), *per_second.values(), *load.values()],
        against(per_cpu, {PLAIN: reach}),
    )
