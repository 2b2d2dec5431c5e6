"""fsync fails, at two moments: `make faults` tries forty."""

from __future__ import annotations

from pathlib import Path

from tests.faults import failing_fsync
from tests.faults.running import assert_held


async def test_after_a_failed_fsync_nothing_is_acknowledged_and_the_server_ends_for_a_fresh_start(
    data_dir: Path,
) -> None:
    await assert_held(failing_fsync.at_the_nth(data_dir, numbers=(3, 40)))


async def test_what_was_acknowledged_before_an_fsync_failed_survives_a_power_cut_after_it(tmp_path: Path) -> None:
    await assert_held(failing_fsync.and_then_the_power_is_cut(tmp_path, numbers=(20,)))
