"""SIGTERM with 100 sockets: `make faults` takes 2,000."""

from __future__ import annotations

from pathlib import Path

from tests.faults import stops
from tests.faults.running import assert_held


async def test_a_server_asked_to_stop_commits_what_it_accepted_and_tells_every_socket(data_dir: Path) -> None:
    await assert_held(stops.with_many_sockets(data_dir, sockets=100, times=1))
