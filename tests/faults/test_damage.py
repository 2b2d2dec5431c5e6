"""Data directories that cannot be used."""

from __future__ import annotations

from pathlib import Path

from tests.faults import damage
from tests.faults.running import assert_held


async def test_a_directory_that_cannot_be_used_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    await assert_held(damage.each_damage(tmp_path / "work", harms=damage.A_FEW))
