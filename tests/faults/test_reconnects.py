"""200 come back at once: `make faults` lets 5,000 come."""

from __future__ import annotations

from pathlib import Path

from tests.faults import reconnects
from tests.faults.running import assert_held


async def test_everyone_who_comes_back_at_once_has_missed_nothing(data_dir: Path) -> None:
    await assert_held(reconnects.everyone_at_once(data_dir, sockets=200))
