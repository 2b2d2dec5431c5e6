"""Start-up: with nothing in the database, and with a million messages."""

from __future__ import annotations

from pathlib import Path

from bench.processes import chat_server
from bench.results import Ratio, Result, Series
from bench.scenarios.history import huge_data
from bench.scenarios.turns import take_turns
from bench.stage import Stage


def measure(stage: Stage) -> Result:
    data_dir, huge = huge_data(stage)

    def start_new() -> float:
        return _start(stage.new_directory())

    turns = take_turns(stage, {"empty": start_new, "full": lambda: _start(data_dir)})
    empty, full = turns["empty"], turns["full"]
    more = [a - b for a, b in zip(full, empty, strict=True)]
    return Result(
        "start_up",
        f"Start-up with {huge:,} messages",
        "From the start of the process until it listens.",
        [Series("no database yet", "start", "s", empty), Series(f"{huge:,} messages", "start", "s", full)],
        [Ratio("seconds more than with an empty one", more, at_most=0.5)],
    )


def _start(data_dir: Path) -> float:
    with chat_server(data_dir) as server:
        return server.start_seconds
