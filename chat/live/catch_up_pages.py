"""The last pages that a catch-up read, for the next one that needs the same: after an outage everybody does."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

# What an entry takes beside its frames: anyone may ask for empty pages after as many cursors as they like.
ENTRY_BYTES = 500


class Page(NamedTuple):
    """Changes of a room, ready to be sent.

    Args:
        frames: one after the other.
        cursor: of the last one.
        is_last: nothing of the room came after it.
    """

    frames: bytes
    cursor: int
    is_last: bool


class CatchUpPages:
    """Pages by room, the cursor they begin after, and the room's head when they were read.

    A page stays right: what comes later has a higher cursor and moves the head.

    Args:
        max_bytes: of all that is kept; the page that was used longest ago goes first.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._pages: OrderedDict[tuple[int, int, int], Page] = OrderedDict()

    def find(self, room_id: int, after: int, head: int) -> Page | None:
        page = self._pages.get((room_id, after, head))
        if page is not None:
            self._pages.move_to_end((room_id, after, head))
        return page

    def keep(self, room_id: int, after: int, head: int, page: Page) -> None:
        if _size(page) > self._max_bytes or (room_id, after, head) in self._pages:
            return
        self._pages[room_id, after, head] = page
        self._bytes += _size(page)
        while self._bytes > self._max_bytes:
            _, oldest = self._pages.popitem(last=False)
            self._bytes -= _size(oldest)


def _size(page: Page) -> int:
    return len(page.frames) + ENTRY_BYTES
