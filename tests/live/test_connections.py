from __future__ import annotations

from chat.live.connections import Connections
from chat.models import Session, User
from tests.live.sockets import socket_of

ADA, BOB = User(1, "ada"), User(2, "bob")


def session(key: str, user: User) -> Session:
    return Session(key, user, 0, 0, "")


async def test_sockets_are_found_by_their_person_and_by_their_sign_in() -> None:
    connections = Connections()
    (at_home, _), (second, _), (phone, _), (bobs, _) = (
        socket_of(ADA, "home"), socket_of(ADA, "home"), socket_of(ADA, "phone"), socket_of(BOB, "bob"),
    )  # fmt: skip
    for subscriber in (at_home, second, phone, bobs):
        connections.add(subscriber)
    assert set(connections.all()) == {at_home, second, phone, bobs}
    assert set(connections.of_user(ADA.user_id)) == {at_home, second, phone}
    assert set(connections.of_session(session("home", ADA))) == {at_home, second}
    assert set(connections.of_session(session("home", BOB))) == set(), "a sign-in is one person's"


async def test_nothing_is_left_of_who_has_gone() -> None:
    connections = Connections()
    (first, _), (second, _) = socket_of(ADA), socket_of(ADA)
    for subscriber in (first, second):
        connections.add(subscriber)
    connections.remove(first)
    assert first not in connections
    assert list(connections.of_user(ADA.user_id)) == [second]
    assert second in connections
    connections.remove(second)
    assert connections.are_none
    assert list(connections.of_user(ADA.user_id)) == []
    assert connections._by_user == {}, "people who were here once are not kept"
