"""Another process holds the lock, once and shortly: `make faults` waits for the whole time and measures."""

from __future__ import annotations

from pathlib import Path

from tests.faults import locks
from tests.faults.running import assert_held


async def test_while_another_process_holds_the_lock_writes_are_refused_and_all_else_goes_on(data_dir: Path) -> None:
    await assert_held(locks.held_by_another_process(data_dir, times=1, busy_timeout_seconds=0.5))
