"""A test marked `alone` has the machine to itself: the tests of the other workers wait meanwhile."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

# Locks on what is there anyway: nothing to make, and nothing left behind by a worker that dies.
ROOM = Path(__file__)
DOOR = ROOM.parent


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """A descriptor to lock; closing it, even by dying, unlocks."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def in_the_room(kind: int) -> Iterator[None]:
    with opened(ROOM) as room:
        # Who waits for an empty room holds its door, or others would keep coming and it would never be empty.
        with opened(DOOR) as door:
            fcntl.flock(door, fcntl.LOCK_EX)
            fcntl.flock(room, kind)
        yield


# First of all, so that the wait does not count as time that the test took.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    with in_the_room(fcntl.LOCK_EX if item.get_closest_marker("alone") else fcntl.LOCK_SH):
        return (yield)
