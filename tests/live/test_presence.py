"""What a room is told of who is in it."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from chat.live.presence import Presence
from chat.models import Room, User

PEOPLE = [User(number, f"user {number}") for number in range(1, 6)]


def fields(frame: bytes) -> dict[str, object]:
    return json.loads(frame[2:] if frame[1] < 126 else frame[4:])  # type: ignore[no-any-return]


def test_who_comes_and_leaves_between_two_tellings_is_not_mentioned() -> None:
    presence = Presence(Room(1, "lobby"), names_max=10)
    presence.came(PEOPLE[0])
    presence.take_changes()
    presence.came(PEOPLE[1])
    presence.left(PEOPLE[1])
    presence.left(PEOPLE[0])
    presence.came(PEOPLE[0])
    assert presence.take_changes() is None


def test_who_comes_in_between_is_told_in_the_end_what_the_others_know() -> None:
    presence = Presence(Room(1, "lobby"), names_max=10)
    ada, bob, eve = PEOPLE[:3]
    presence.came(ada)
    presence.take_changes()
    presence.came(bob)
    presence.left(ada)
    presence.came(eve)
    assert fields(presence.everyone())["online"] == [bob.username, eve.username]
    presence.left(bob)
    presence.came(ada)
    frame = presence.take_changes()
    assert frame is not None
    told = fields(frame)
    assert (told["online"], told["offline"]) == ([ada.username, eve.username], [bob.username])


def test_nobody_typing_is_no_frame() -> None:
    presence = Presence(Room(1, "lobby"), names_max=10)
    presence.came(PEOPLE[0])
    assert presence.take_typing() is None
    presence.types(PEOPLE[0])
    presence.left(PEOPLE[0])
    assert presence.take_typing() is None


@given(
    names_max=st.integers(0, 5),
    events=st.lists(st.tuples(st.sampled_from(["came", "left", "told"]), st.sampled_from(PEOPLE)), max_size=60),
)
def test_a_reader_who_applies_every_frame_knows_who_is_online(names_max: int, events: list[tuple[str, User]]) -> None:
    presence = Presence(Room(1, "lobby"), names_max)
    sockets = dict.fromkeys(PEOPLE, 0)
    known: set[str] | None = set()
    count = 0
    for event, user in [*events, ("told", PEOPLE[0])]:
        if event == "came":
            presence.came(user)
            sockets[user] += 1
        elif event == "left" and sockets[user]:
            presence.left(user)
            sockets[user] -= 1
        elif event == "told" and (frame := presence.take_changes()) is not None:
            told = fields(frame)
            count = told["count"]  # type: ignore[assignment]
            known = None if "online" not in told else (known or set()) | set(told["online"])  # type: ignore[call-overload]
            if known is not None:
                known -= set(told["offline"])  # type: ignore[call-overload]
    online = {user.username for user, open_ones in sockets.items() if open_ones}
    assert count == len(online)
    assert known == (online if len(online) <= names_max else None) or not online
