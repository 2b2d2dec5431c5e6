"""Intake: how many messages a second a room of busy people can say."""

from __future__ import annotations

import subprocess
import sys

from bench.machine import on_core, server_core
from bench.processes import ROOT
from bench.results import Ratio, Result, Series, ratios
from bench.scenarios.fan_out import PLAIN
from bench.scenarios.turns import against, saturate, series_of
from bench.stage import Stage

SENDERS = 20
IN_FLIGHT = 16


def measure(stage: Stage) -> Result:
    with stage.contestants() as contestants:
        runs = saturate(stage, contestants, sockets=SENDERS, senders=SENDERS, in_flight=IN_FLIGHT)
    taken = series_of(runs, "messages a second", "/s", lambda run: run.messages_per_second)
    per_cpu = series_of(runs, "messages per server CPU-second", "/s", lambda run: run.messages_per_cpu_second)
    load = series_of(runs, "share of its core that the load used", "", lambda run: run.load_share)
    limit = Series("executemany of the same rows", "rows a second", "/s", [_rows(stage) for _ in range(stage.rounds)])
    return Result(
        "intake",
        f"Intake, {SENDERS} people send at once",
        f"{SENDERS} sockets in one room each keep {IN_FLIGHT} messages under way, and each gets those of all. The "
        f"limit is executemany of the same rows with the same pragmas, {SENDERS * IN_FLIGHT} rows in a transaction.",
        [*taken.values(), limit, *per_cpu.values(), *load.values()],
        [
            *against(taken, {PLAIN: 4}),
            *against(per_cpu),
            Ratio("chat / executemany: messages stored a second", ratios(taken["chat"].values, limit.values)),
        ],
    )


def _rows(stage: Stage) -> float:
    directory = stage.new_directory()
    command = [sys.executable, "-m", "bench.limits.insert_many", str(directory), str(stage.seconds),
               str(SENDERS * IN_FLIGHT)]  # fmt: skip
    with on_core(server_core()):
        output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    rows, _, seconds = (float(part) for part in output.split())
    return rows / seconds
