"""Two restarts: `make faults` makes twenty."""

from __future__ import annotations

from pathlib import Path

from tests.faults import restarts
from tests.faults.running import assert_held


async def test_a_restart_under_load_leaves_no_gap_and_doubles_nothing(data_dir: Path) -> None:
    await assert_held(restarts.under_load(data_dir, times=2))
