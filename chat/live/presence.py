"""Who is in a room: people, not sockets; what changed is gathered and told at most once an interval."""

from __future__ import annotations

from collections.abc import Collection

from chat.models import Room, User
from chat.protocol import presence_frame, typing_frame


class Presence:
    """The people online in one room and what the room was last told of them.

    Args:
        names_max: with more people online, only their number is told: 5,000 people coming back at once
            must not cost 25 million names.
    """

    __slots__ = ("_names_max", "_room", "_sockets", "_told_names", "_typing", "_usernames", "_was_online")

    def __init__(self, room: Room, names_max: int) -> None:
        self._room = room
        self._names_max = names_max
        self._sockets: dict[int, int] = {}
        self._usernames: dict[int, str] = {}
        # What was last told of those who came or left since; None: not the same to everyone.
        self._was_online: dict[int, bool | None] = {}
        self._typing: dict[int, str] = {}
        self._told_names = True

    @property
    def user_ids(self) -> Collection[int]:
        """Who is online."""
        return self._sockets.keys()

    @property
    def is_empty(self) -> bool:
        return not self._sockets

    def came(self, user: User) -> bool:
        """Count one more socket of a person; says whether that is news."""
        sockets = self._sockets.get(user.user_id, 0)
        if not sockets:
            self._was_online.setdefault(user.user_id, False)
        self._usernames[user.user_id] = user.username
        self._sockets[user.user_id] = sockets + 1
        return not sockets

    def left(self, user: User) -> bool:
        """Count one socket less; says whether that is news."""
        self._sockets[user.user_id] -= 1
        if self._sockets[user.user_id]:
            return False
        del self._sockets[user.user_id]
        self._typing.pop(user.user_id, None)
        self._was_online.setdefault(user.user_id, True)
        return True

    def types(self, user: User) -> bool:
        """Note that a person is typing; False in a room too large to be told."""
        if len(self._sockets) > self._names_max:
            return False
        self._typing[user.user_id] = user.username
        return True

    def everyone(self) -> bytes:
        """The frame for one who just came: everybody online, or their number."""
        count = len(self._sockets)
        if count > self._names_max:
            return presence_frame(self._room.name, count)
        for user_id, was in self._was_online.items():
            if was is not (user_id in self._sockets):
                self._was_online[user_id] = None  # the one who just came is told otherwise than the others
        return presence_frame(self._room.name, count, [self._usernames[user_id] for user_id in self._sockets], [])

    def take_changes(self) -> bytes | None:
        """The frame about all who came or left since the last call; None when it comes to nothing."""
        now_online = self._sockets
        came = [user_id for user_id, was in self._was_online.items() if user_id in now_online and was is not True]
        left = [user_id for user_id, was in self._was_online.items() if user_id not in now_online and was is not False]
        online, offline = ([self._usernames[user_id] for user_id in changed] for changed in (came, left))
        for user_id in self._was_online.keys() - now_online.keys():
            del self._usernames[user_id]
        self._was_online.clear()
        if not came and not left:
            return None
        told_names, self._told_names = self._told_names, len(now_online) <= self._names_max
        if self._told_names and told_names:
            return presence_frame(self._room.name, len(now_online), online, offline)
        return self.everyone()

    def take_typing(self) -> bytes | None:
        """The frame about all who typed since the last call; None when nobody did."""
        if not self._typing:
            return None
        frame = typing_frame(self._room.name, self._typing.values())
        self._typing.clear()
        return frame
