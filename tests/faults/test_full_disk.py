"""A full disk, once: `make faults` does it ten times."""

from __future__ import annotations

from pathlib import Path

from tests.faults import full_disk
from tests.faults.running import assert_held


async def test_a_full_disk_refuses_every_send_stops_nothing_else_and_needs_only_space(tmp_path: Path) -> None:
    await assert_held(full_disk.full_and_free_again(tmp_path / "work", times=1))


async def test_nor_is_anything_lost_when_the_log_cannot_be_folded_in(tmp_path: Path) -> None:
    await assert_held(full_disk.full_between_checkpoints(tmp_path / "work", times=2))
