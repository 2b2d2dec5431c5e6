"""Takes away what may take long: the messages of deleted rooms, and of deleted accounts whose owner wanted them gone.

What is to go stands in the store, so after a restart it goes on by itself. It goes in small commits with pauses in
between: nobody's message waits long for one of them, however many there are.

The messages of a room are removed: nobody can ask for them any more. Those of a person stay as deleted messages with
cursors of their own, so that whoever reads their rooms, or comes back to them, learns that they are gone.
"""

from __future__ import annotations

import asyncio
import logging

from chat.errors import StorageUnavailable
from chat.settings import Settings
from chat.store.accounts import find_users_whose_messages_go, note_messages_gone
from chat.store.database import Database
from chat.store.group_commit import GroupCommit
from chat.store.messages import find_ids_by_user, last_cursor, remove_messages
from chat.store.rooms import find_deleted_rooms

log = logging.getLogger(__name__)

# A full disk stays full for a while.
_RETRY_SECONDS = 5.0
# Ids looked at in one reading for those of one person: a few milliseconds of a reading connection.
_LOOKED_AT = 10_000


class Purge:
    """The one task that takes messages away in the background."""

    def __init__(self, database: Database, commits: GroupCommit, settings: Settings) -> None:
        self._database = database
        self._commits = commits
        self._batch_messages = settings.purge_batch_messages
        self._pause_seconds = settings.purge_pause_seconds
        self._work = asyncio.Event()
        self._work.set()  # what an earlier run left

    def wake(self) -> None:
        """Say that a room or an account was deleted."""
        self._work.set()

    async def run(self) -> None:
        """Take away whatever is to go, for as long as the server runs."""
        while True:
            await self._work.wait()
            self._work.clear()
            try:
                await self._take_away()
            except StorageUnavailable:
                log.warning("purge: could not go on; trying again in %.0f s", _RETRY_SECONDS)
                self._work.set()
                await asyncio.sleep(_RETRY_SECONDS)

    async def _take_away(self) -> None:
        for room_id in await find_deleted_rooms(self._database):
            count = await self._empty_room(room_id)
            log.info("purge: %d messages of deleted room %d removed", count, room_id)
        for user_id in await find_users_whose_messages_go(self._database):
            count = await self._silence(user_id)
            await note_messages_gone(self._database, user_id)
            log.info("purge: %d messages of deleted user %d deleted", count, user_id)

    async def _empty_room(self, room_id: int) -> int:
        count = 0
        while removed := await remove_messages(self._database, room_id, self._batch_messages):
            count += removed
            await asyncio.sleep(self._pause_seconds)
        return count

    async def _silence(self, user_id: int) -> int:
        # First, so that nothing that is still on its way is overlooked.
        await self._commits.turn_away_sender(user_id)
        count, last = 0, await last_cursor(self._database)
        for after in range(0, last, _LOOKED_AT):
            ids = await find_ids_by_user(self._database, user_id, after=after, up_to=min(after + _LOOKED_AT, last))
            for start in range(0, len(ids), self._batch_messages):
                count += len(await self._commits.delete_messages(ids[start : start + self._batch_messages]))
                await asyncio.sleep(self._pause_seconds)
        return count
