"""Three jumps of the clock: `make faults` makes thirty."""

from __future__ import annotations

from pathlib import Path

from tests.faults import clock_jumps
from tests.faults.running import assert_held


async def test_a_clock_that_jumps_changes_no_order_and_signs_nobody_out(tmp_path: Path) -> None:
    await assert_held(clock_jumps.an_hour_to_and_fro(tmp_path / "work", times=3))
