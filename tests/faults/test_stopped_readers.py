"""Five of fifty readers stop: `make faults` stops 50 of 1,000, and measures."""

from __future__ import annotations

from pathlib import Path

from tests.faults import stopped_readers
from tests.faults.running import assert_held


async def test_readers_that_stop_cost_a_bounded_amount_and_miss_nothing(data_dir: Path) -> None:
    await assert_held(stopped_readers.who_miss_nothing(data_dir, readers=50, stopped=5))
