"""Clients that vanish, a few: `make faults` lets forty vanish and measures."""

from __future__ import annotations

from pathlib import Path

from tests.faults import half_open
from tests.faults.running import assert_held


async def test_a_machine_that_vanished_is_noticed_and_the_others_are_told(data_dir: Path) -> None:
    await assert_held(half_open.clients_that_vanish(data_dir, clients=3, times=1, heartbeat_seconds=0.6))
