"""The power is cut, a few times: `make faults` does it fifty."""

from __future__ import annotations

from pathlib import Path

from tests.faults import power_cuts
from tests.faults.running import assert_held


async def test_what_was_acknowledged_survives_a_power_cut(tmp_path: Path) -> None:
    await assert_held(power_cuts.with_synchronous_full(tmp_path, cuts=2))


async def test_the_power_cut_takes_what_a_server_did_not_sync(tmp_path: Path) -> None:
    await assert_held(power_cuts.with_synchronous_normal(tmp_path, cuts=1))
