"""The command: `python -m tests.faults`, or `make faults`. Makes every fault many times and prints what held."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from tests.faults import (
    clock_jumps,
    damage,
    failing_fsync,
    full_disk,
    half_open,
    kills,
    locks,
    power_cuts,
    reconnects,
    restarts,
    stopped_readers,
    stops,
)
from tests.faults.finding import Finding
from tests.faults.needs import Missing

Run = Callable[[Path], Coroutine[Any, Any, Finding]]

# In the order of the table; each gets an empty directory.
RUNS: dict[str, Run] = {
    "kill": lambda work: kills.at_random_moments(work, kills=100, is_long=True),
    "kill_at_call": lambda work: kills.at_each_database_call(work, first=1, last=100, is_long=True),
    "kill_first_start": lambda work: kills.while_the_database_is_made(work, last=36, step=3, is_long=True),
    "power_cut": lambda work: power_cuts.with_synchronous_full(work, cuts=50, is_long=True),
    "power_cut_normal": lambda work: power_cuts.with_synchronous_normal(work, cuts=10, is_long=True),
    "full_disk": lambda work: full_disk.full_and_free_again(work, times=10, is_long=True),
    "full_disk_checkpoints": lambda work: full_disk.full_between_checkpoints(work, times=10, is_long=True),
    "fsync": lambda work: failing_fsync.at_the_nth(work, numbers=range(1, 120, 5), is_long=True),
    "fsync_power_cut": lambda work: failing_fsync.and_then_the_power_is_cut(
        work, numbers=range(1, 100, 10), is_long=True
    ),
    "lock": lambda work: locks.held_by_another_process(work, times=5, is_long=True),
    "damage": lambda work: damage.each_damage(work, is_long=True),
    "stopped_readers": lambda work: stopped_readers.who_cost_nobody(
        work, readers=1000, stopped=50, turns=5, is_long=True
    ),
    "half_open": lambda work: half_open.clients_that_vanish(
        work, clients=10, times=4, heartbeat_seconds=2, is_long=True
    ),
    "reconnect": lambda work: reconnects.everyone_at_once(work, sockets=5000),
    "restart": lambda work: restarts.under_load(work, times=20, is_long=True),
    "clock": lambda work: clock_jumps.an_hour_to_and_fro(work, times=30, is_long=True),
    "stop": lambda work: stops.with_many_sockets(work, sockets=2000, times=3, is_long=True),
}


def main(arguments: Sequence[str]) -> int:
    """Make the faults that are asked for; the exit code is 1 when anything did not hold."""
    options = _parser().parse_args(arguments)
    rows, is_broken = [], False
    start = time.monotonic()
    for key in options.only or RUNS:
        print(f"{key} ...", flush=True)
        row, held = _make(key, options.directory)
        rows.append(row)
        is_broken = is_broken or not held
    print(f"\n| fault | times | | figures |\n| --- | --- | --- | --- |\n{chr(10).join(rows)}")
    print(f"\n{time.monotonic() - start:.0f} s")
    return int(is_broken)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=RUNS, metavar="NAME", help=f"some of: {', '.join(RUNS)}")
    parser.add_argument("--directory", help="where to work; it should be on a real disk (default: the system's own)")
    return parser


def _make(key: str, directory: str | None) -> tuple[str, bool]:
    """Make one fault: its row of the table, and whether all held."""
    work = Path(tempfile.mkdtemp(prefix="chat-faults-", dir=directory))
    start = time.monotonic()
    try:
        finding = asyncio.run(RUNS[key](work / "data"))
    except Missing as missing:
        return f"| {key} | 0 | not run | {missing} |", True
    except Exception as error:  # noqa: BLE001  # whatever it is, the other faults are still to be made
        return f"| {key} | | **BROKEN** | {type(error).__name__}: {str(error)[-500:]} |", False
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(f"  {'held' if finding.held else 'BROKEN'} ({time.monotonic() - start:.0f} s): {finding.figures}", flush=True)
    for complaint in finding.complaints:
        print(f"  {complaint}", flush=True)
    return f"| {finding.fault} | {finding.runs} | {'held' if finding.held else '**BROKEN**'} | {finding.figures} |", (
        finding.held
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
