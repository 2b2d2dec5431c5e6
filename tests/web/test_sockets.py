from __future__ import annotations

from tests.people import Person


async def test_a_message_reaches_everyone_in_the_room_and_its_sender(ada: Person, bob: Person) -> None:
    async with ada.live() as ada_socket, bob.live() as bob_socket:
        await ada_socket.send(message="hi")
        for socket in (ada_socket, bob_socket):
            frame = await socket.next("chat")
            assert frame["message"] == "hi"
            assert frame["username"] == "ada"
            assert frame["user_id"] == ada.user_id
