"""Which sockets are open, and whose they are; those of one sign-in are found among those of its person."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from chat.live.subscriber import Subscriber
from chat.models import Session


class Connections:
    """Every open socket."""

    __slots__ = ("_all", "_by_user")

    def __init__(self) -> None:
        # Beside the map, because going through 50,000 people to copy their sockets would hold everyone up for 4 ms.
        self._all: set[Subscriber] = set()
        self._by_user: dict[int, set[Subscriber]] = {}

    def __contains__(self, subscriber: Subscriber) -> bool:
        return subscriber in self._all

    def all(self) -> tuple[Subscriber, ...]:
        """Every socket, as a copy."""
        return tuple(self._all)

    def __len__(self) -> int:
        return len(self._all)

    @property
    def people(self) -> int:
        """How many people have a socket."""
        return len(self._by_user)

    @property
    def are_none(self) -> bool:
        return not self._all

    def of_user(self, user_id: int) -> Collection[Subscriber]:
        """The sockets of a person, themselves; whoever awaits on the way has to copy them."""
        return self._by_user.get(user_id, ())

    def of_session(self, session: Session) -> Iterator[Subscriber]:
        """The sockets of one sign-in; the same holds for them."""
        return (s for s in self.of_user(session.user.user_id) if s.session_key == session.key)

    def add(self, subscriber: Subscriber) -> None:
        self._all.add(subscriber)
        self._by_user.setdefault(subscriber.user.user_id, set()).add(subscriber)

    def remove(self, subscriber: Subscriber) -> None:
        """Forget a socket that is there."""
        self._all.remove(subscriber)
        same_user = self._by_user[subscriber.user.user_id]
        same_user.remove(subscriber)
        if not same_user:
            del self._by_user[subscriber.user.user_id]
