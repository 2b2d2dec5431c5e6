"""Sign-ins: who a cookie belongs to, how long it is good for, and how it ends.

The rows in the store decide; this write-through copy of them keeps SQL off the path of every request. It cannot go
stale, because this process alone writes them. Every change is on disk before it takes effect here, except the time
of last use, which is written down once in a while.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable

from chat.errors import StorageUnavailable
from chat.models import Room, Session, User
from chat.settings import Settings
from chat.store import sessions
from chat.store.database import Database

log = logging.getLogger(__name__)

USER_AGENT_MAX_CHARACTERS = 200

OnEnded = Callable[[Session], None]
IsConnected = Callable[[Session], bool]


class Sessions:
    """Every session there is, by the hash of its id.

    Args:
        rows: what the store holds, the longest unused first.
        on_ended: called with a session that ended, after its row is gone.
        is_connected: whether a socket of the session is open, which counts as use.
        clock: seconds since 1970 UTC.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        rows: Iterable[Session],
        *,
        on_ended: OnEnded,
        is_connected: IsConnected,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._settings = settings
        self._sessions = {session.key: session for session in rows}
        self._used_since_saved: set[str] = set()
        self._on_ended = on_ended
        self._is_connected = is_connected
        self._clock = clock

    def __len__(self) -> int:
        return len(self._sessions)

    def find(self, key: str) -> Session | None:
        """The living session with this key; asking counts as use."""
        session = self._sessions.get(key)
        if session is None or self._has_expired(session):
            return None
        self._mark_used(session)
        return session

    async def start(self, key: str, user: User, user_agent: str) -> Session:
        """Begin a session; one too many ends the longest unused of the same person.

        Raises:
            StorageUnavailable: not now; nothing was stored.
        """
        now = self._clock()
        session = Session(key, user, now, now, user_agent[:USER_AGENT_MAX_CHARACTERS])
        await sessions.insert_session(self._database, session)
        self._sessions[key] = session
        await self.end(self._surplus(session))
        return session

    async def end(self, keys: Iterable[str]) -> None:
        """End sessions for good: their cookies and their sockets are dead on return.

        Raises:
            StorageUnavailable: not now; they go on.
        """
        ending = [key for key in keys if key in self._sessions]
        if not ending:
            return
        await sessions.delete_sessions(self._database, ending)
        for key in ending:
            session = self._sessions.pop(key, None)
            self._used_since_saved.discard(key)
            if session is not None:  # else it was ended meanwhile by someone else
                self._on_ended(session)

    async def set_room(self, key: str, room: Room) -> None:
        """Make a room the session's current one.

        Raises:
            StorageUnavailable: not now; the room stays as it was.
        """
        session = self._sessions.get(key)
        if session is not None and session.room != room:
            await sessions.update_current_room(self._database, key, room.room_id)
            session.room = room

    async def keep_saved(self) -> None:
        """Write down use and end what has expired, once in a while, for as long as the server runs."""
        while True:
            await asyncio.sleep(self._settings.session_save_seconds)
            await self.try_to_save()

    async def try_to_save(self) -> None:
        """Save what can be saved; that a session was used is not worth failing for."""
        try:
            await self.save()
        except StorageUnavailable:
            log.warning("sessions: the times of last use could not be saved")

    async def save(self) -> None:
        """Write down when sessions were last used and end those that have expired.

        Raises:
            StorageUnavailable: not now; the next call makes up for it.
        """
        for session in self._sessions.values():
            if self._is_connected(session):
                self._mark_used(session)
        await self.end([session.key for session in self._sessions.values() if self._has_expired(session)])
        used, self._used_since_saved = self._used_since_saved, set()
        if used:
            try:
                await sessions.save_last_used(self._database, [self._sessions[key] for key in used])
            except StorageUnavailable:
                self._used_since_saved |= used & self._sessions.keys()
                raise

    def _mark_used(self, session: Session) -> None:
        session.last_used = self._clock()
        self._used_since_saved.add(session.key)

    def _has_expired(self, session: Session) -> bool:
        unused_seconds = self._clock() - session.last_used
        return unused_seconds > self._settings.session_idle_seconds or self._is_too_old(session)

    def _is_too_old(self, session: Session) -> bool:
        return self._clock() - session.created > self._settings.session_absolute_seconds

    def _surplus(self, newest: Session) -> list[str]:
        # The newest stays whatever the clock says: set back, it would make this the longest unused.
        others = [
            session
            for session in self._sessions.values()
            if session.user.user_id == newest.user.user_id and session is not newest
        ]
        others.sort(key=lambda session: session.last_used)
        return [session.key for session in others[: max(0, len(others) + 1 - self._settings.sessions_per_user_max)]]
