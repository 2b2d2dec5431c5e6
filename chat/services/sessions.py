"""Sign-ins and API tokens: who a cookie or a token belongs to, how long it is good for, and how it ends.

The rows in the store decide; this write-through copy of them keeps SQL off the path of every request. It cannot go
stale, because this process alone writes them. Every change is on disk before it takes effect here, except the time
of last use, which is written down once in a while.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from chat.errors import Conflict, StorageUnavailable, Unknown, WrongCredentials
from chat.models import Room, Session, User
from chat.settings import Settings
from chat.store import sessions
from chat.store.database import Database

log = logging.getLogger(__name__)

USER_AGENT_MAX_CHARACTERS = 200
# By so much of its key a session is known to its owner: it tells nobody the id, and two are never alike.
_PUBLIC_ID_CHARACTERS = 16
# Sessions looked at before others get a turn, and written down by one commit: a few milliseconds.
_SLICE = 500
# Between two slices: merely to let others have a turn would keep the threads of the database from theirs.
_PAUSE_SECONDS = 0.005

OnEnded = Callable[[Session], None]
IsConnected = Callable[[Session], bool]


class Sessions:
    """Every sign-in and every token there is, by the hash of its id.

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
        self._sessions: dict[str, Session] = {}
        self._keys_of: dict[int, set[str]] = {}
        for session in rows:
            self._keep(session)
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

    def of_user(self, user_id: int, *, tokens: bool) -> list[Session]:
        """A person's living sign-ins, or tokens, the last used first."""
        found = [session for session in self._all_of(user_id) if (session.token_name is not None) == tokens]
        living = [session for session in found if not self._has_expired(session)]
        return sorted(living, key=lambda session: session.last_used, reverse=True)

    def find_own(self, user_id: int, public_id: str, *, tokens: bool) -> Session:
        """One of a person's own sign-ins, or tokens, by what the person knows it by.

        Raises:
            Unknown: they have no such; someone else may.
        """
        for session in self.of_user(user_id, tokens=tokens):
            if public_id_of(session) == public_id:
                return session
        if tokens:
            raise Unknown("You have no token with this id.", "unknown_token")
        raise Unknown("You have no session with this id.", "unknown_session")

    async def start(self, key: str, user: User, user_agent: str, *, password_hash: str) -> Session:
        """Begin a session; one too many ends the longest unused of the same person.

        Args:
            password_hash: of the password that was given.

        Raises:
            WrongCredentials: the password has been changed since it was checked, or the person shut out.
            StorageUnavailable: not now; nothing was stored.
        """
        now = self._clock()
        session = Session(key, user, now, now, user_agent[:USER_AGENT_MAX_CHARACTERS])
        if not await self._insert(session, password_hash):
            raise WrongCredentials("The user name or the password is wrong.")
        try:
            await self.end(self._surplus(session))
        except StorageUnavailable:
            log.warning("sessions: those that are too many go on until the next sign-in of user %d", user.user_id)
        return session

    async def start_token(self, key: str, user: User, name: str, *, password_hash: str) -> Session:
        """Begin what a token is worth.

        Args:
            name: what its owner calls it.
            password_hash: of the password that was given.

        Raises:
            Conflict: the person has as many as one may have.
            WrongCredentials, StorageUnavailable: as `start`.
        """
        now = self._clock()
        session = Session(key, user, now, now, "", token_name=name)
        if await self._insert(session, password_hash):
            return session
        most = self._settings.tokens_per_user_max
        if len(self.of_user(user.user_id, tokens=True)) >= most:
            raise Conflict(f"You have {most} tokens already; revoke one first.", "too_many_tokens")
        raise WrongCredentials("The user name or the password is wrong.")

    async def end(self, keys: Iterable[str]) -> None:
        """End sessions for good: their cookies and their sockets are dead on return.

        Raises:
            StorageUnavailable: not now; they go on.
        """
        ending = [key for key in keys if key in self._sessions]
        if not ending:
            return
        await sessions.delete_sessions(self._database, ending)
        self._forget(ending)

    def forget(self, user_id: int, *, but_key: str | None = None, tokens: bool = True) -> None:
        """End here what a transaction has ended in the store; to be called in the step in which it comes back.

        Args:
            but_key: the session that goes on.
            tokens: whether the person's tokens have ended too.
        """
        ended = [s.key for s in self._all_of(user_id) if s.key != but_key and (tokens or s.token_name is None)]
        self._forget(ended)

    async def set_room(self, key: str, room: Room) -> None:
        """Make a room the session's current one; none, when the room has been deleted meanwhile.

        Raises:
            StorageUnavailable: not now; the room stays as it was.
        """
        session = self._sessions.get(key)
        if session is not None and session.room != room:
            is_stored = await sessions.update_current_room(self._database, key, room.room_id)
            session.room = room if is_stored else None

    def forget_room(self, room_id: int) -> None:
        """Take a deleted room from the sessions whose current one it was; the store has done so already."""
        for session in self._sessions.values():
            if session.room is not None and session.room.room_id == room_id:
                session.room = None

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
        expired = []
        for keys in _slices(self._sessions):
            for session in self._living(keys):
                if self._is_connected(session):
                    self._mark_used(session)
                if self._has_expired(session):
                    expired.append(session.key)
            if len(keys) == _SLICE:
                await asyncio.sleep(_PAUSE_SECONDS)
        for keys in _slices(expired):
            await self.end(keys)
        # In the order in which they stand on disk: elsewhere each of them would rewrite a page of its own.
        for keys in _slices(sorted(self._used_since_saved)):
            await self._save_used(keys)

    async def _save_used(self, keys: Iterable[str]) -> None:
        saving = self._used_since_saved.intersection(keys)  # without those that ended since these were listed
        self._used_since_saved -= saving
        try:
            await sessions.save_last_used(self._database, self._living(saving))
        except StorageUnavailable:
            self._used_since_saved.update(session.key for session in self._living(saving))
            raise

    async def _insert(self, session: Session, password_hash: str) -> bool:
        tokens_max = self._settings.tokens_per_user_max
        is_stored = await sessions.insert_session(
            self._database, session, password_hash=password_hash, tokens_max=tokens_max
        )
        # Without an await in between: what ends the person's sessions next must find this one here.
        if is_stored:
            self._keep(session)
        return is_stored

    def _keep(self, session: Session) -> None:
        self._sessions[session.key] = session
        self._keys_of.setdefault(session.user.user_id, set()).add(session.key)

    def _forget(self, keys: Iterable[str]) -> None:
        for key in keys:
            session = self._sessions.pop(key, None)
            self._used_since_saved.discard(key)
            if session is None:
                continue  # ended meanwhile by someone else
            same_user = self._keys_of[session.user.user_id]
            same_user.remove(key)
            if not same_user:
                del self._keys_of[session.user.user_id]
            self._on_ended(session)

    def _all_of(self, user_id: int) -> list[Session]:
        return [self._sessions[key] for key in self._keys_of.get(user_id, ())]

    def _living(self, keys: Iterable[str]) -> list[Session]:
        return [self._sessions[key] for key in keys if key in self._sessions]

    def _mark_used(self, session: Session) -> None:
        session.last_used = self._clock()
        self._used_since_saved.add(session.key)

    def _has_expired(self, session: Session) -> bool:
        if session.token_name is not None:
            return False
        unused_seconds = self._clock() - session.last_used
        return unused_seconds > self._settings.session_idle_seconds or self._is_too_old(session)

    def _is_too_old(self, session: Session) -> bool:
        return self._clock() - session.created > self._settings.session_absolute_seconds

    def _surplus(self, newest: Session) -> list[str]:
        # The newest stays whatever the clock says: set back, it would make this the longest unused.
        others = [s for s in self._all_of(newest.user.user_id) if s is not newest and s.token_name is None]
        others.sort(key=lambda session: session.last_used)
        return [session.key for session in others[: max(0, len(others) + 1 - self._settings.sessions_per_user_max)]]


def _slices(keys: Iterable[str]) -> Iterator[Sequence[str]]:
    every = tuple(keys)  # as they are now: others have a turn between two slices
    return (every[start : start + _SLICE] for start in range(0, len(every), _SLICE))


def public_id_of(session: Session) -> str:
    """What a person knows one of their sign-ins or tokens by."""
    return session.key[:_PUBLIC_ID_CHARACTERS]
