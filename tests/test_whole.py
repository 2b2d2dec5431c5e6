"""The whole server against a model of it: whatever people do, in whatever order, nothing is lost, doubled or swapped.

The model is a list of messages for each room. After every step each room is listed and compared with it, and every
reader must have been sent each change once and in order, over lost connections and restarts.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from chat.services.names import name_key
from tests.examples import TIMES, storable_text
from tests.people import Person, Socket, visiting
from tests.servers import RunningServer

NAMES = ("ada", "bob", "eve")
ADMIN = "ada"  # the first to sign up
ROOM_NAMES = ("lobby", "tea", "TEA", "ﬁsh", "fish")

someone = st.sampled_from(NAMES)
some_room = st.sampled_from(ROOM_NAMES)
some_text = storable_text.filter(bool)
# Few, so that they come again: then they mean a repeat.
some_client_id = st.none() | st.sampled_from(["a", "b", "c", "ü", '"'])


@dataclass
class ModelRoom:
    name: str
    members: set[str]
    messages: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Reader:
    """A client that follows one room and resumes after the last frame it saw."""

    room: ModelRoom
    socket: Socket | None = None
    stack: AsyncExitStack | None = None
    cursor: int = 0
    seen: list[int] = field(default_factory=list)


class Whole(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._folder = Path(tempfile.mkdtemp(prefix="chat-test-"))
        self._stack = AsyncExitStack()
        self._server = RunningServer(self._folder / "data")
        self._people: dict[str, Person] = {}
        self._rooms = {"lobby": ModelRoom("lobby", set())}
        self._sent: dict[tuple[str, str], dict[str, Any]] = {}
        self._readers: dict[tuple[str, str], Reader] = {}
        # Named messages of rooms that are gone: whether these are, too, is not for the client to know.
        self._burnt: set[tuple[str, str]] = set()

    @initialize()
    def everyone_signs_up(self) -> None:
        self._runner.run(self._start())

    async def _start(self) -> None:
        await self._server.start()
        for name in NAMES:
            person = await self._stack.enter_async_context(visiting(self._server, name))
            await person.sign_up()
            self._people[name] = person

    @rule(who=someone, name=some_room)
    def create_room(self, who: str, name: str) -> None:
        status = self._post(who, "/create_room", room=name)[0]
        assert status == (409 if name_key(name) in self._rooms else 200)
        self._rooms.setdefault(name_key(name), ModelRoom(name, {who}))

    @rule(who=someone, name=some_room)
    def join(self, who: str, name: str) -> None:
        room = self._rooms.get(name_key(name))
        assert self._post(who, "/join_room", room=name)[0] == (200 if room else 404)
        if room:
            room.members.add(who)

    @rule(who=someone, name=some_room)
    def leave(self, who: str, name: str) -> None:
        status = self._post(who, "/leave_room", room=name)[0]
        assert status == self._status(who, name)
        if status == 200:
            self._rooms[name_key(name)].members.discard(who)
            self._runner.run(self._hang_up(self._readers.get((who, name_key(name)))))

    @rule(who=someone, name=some_room, text=some_text, client_id=some_client_id)
    def send_over_http(self, who: str, name: str, text: str, client_id: str | None) -> None:
        if (who, client_id) in self._burnt:
            return
        named = {} if client_id is None else {"client_id": client_id}
        status, answer = self._post(who, "/send_message", room=name, message=text, **named)
        assert status == self._status(who, name)
        if status == 200:
            expected = self._expect(who, name, text, client_id, answer["id"])
            assert (answer["id"], answer["message"]) == (expected["id"], expected["message"])
            assert answer.get("deleted", False) is expected["deleted"]

    @precondition(lambda self: any(room.messages for room in self._rooms.values()))
    @rule(who=someone, data=st.data())
    def delete_message(self, who: str, data: st.DataObject) -> None:
        every = [message for room in self._rooms.values() for message in room.messages]
        message = data.draw(st.sampled_from(every))
        status = self._post(who, "/delete_message", id=message["id"])[0]
        assert status == (403 if who != ADMIN else 404 if message["deleted"] else 200)
        if status == 200:
            message |= {"message": "", "deleted": True}

    @rule(who=someone, name=some_room)
    def delete_room(self, who: str, name: str) -> None:
        room = self._rooms.get(name_key(name))
        status = self._post(who, "/delete_room", room=name)[0]
        assert status == (403 if who != ADMIN else 200 if room else 404)
        if status == 200 and room is not None:
            self._runner.run(self._lose(room))
            for reader in [key for key in self._readers if key[1] == name_key(name)]:
                del self._readers[reader]
            gone = {key for key, message in self._sent.items() if message in room.messages}
            self._burnt |= gone
            self._sent = {key: message for key, message in self._sent.items() if key not in gone}
            del self._rooms[name_key(name)]

    @precondition(lambda self: any(reader.socket for reader in self._readers.values()))
    @rule(data=st.data(), text=some_text, client_id=some_client_id.filter(bool))
    def send_over_a_socket(self, data: st.DataObject, text: str, client_id: str) -> None:
        open_now = sorted(key for key, reader in self._readers.items() if reader.socket)
        who, key = data.draw(st.sampled_from(open_now))
        if (who, client_id) in self._burnt:
            return
        self._runner.run(self._say(who, self._readers[who, key], text, client_id))

    @rule(who=someone, name=some_room)
    def connect(self, who: str, name: str) -> None:
        room = self._rooms.get(name_key(name))
        if room is not None:
            reader = self._readers.setdefault((who, name_key(name)), Reader(room))
            self._runner.run(self._hang_up(reader))
            self._runner.run(self._resume(who, reader))

    @precondition(lambda self: any(reader.socket for reader in self._readers.values()))
    @rule(data=st.data())
    def lose_a_connection(self, data: st.DataObject) -> None:
        open_now = sorted(key for key, reader in self._readers.items() if reader.socket)
        self._runner.run(self._hang_up(self._readers[data.draw(st.sampled_from(open_now))]))

    @rule()
    def restart(self) -> None:
        self._runner.run(self._restart())

    @invariant()
    def every_room_is_as_the_model_says(self) -> None:
        if self._people:
            self._runner.run(self._compare())

    def teardown(self) -> None:
        self._runner.run(self._end())
        self._runner.close()
        shutil.rmtree(self._folder)

    def _post(self, who: str, path: str, **fields: Any) -> tuple[int, Any]:
        answer = self._runner.run(self._people[who].post(path, **fields))
        return answer.status, answer.body

    def _status(self, who: str, name: str) -> int:
        room = self._rooms.get(name_key(name))
        return 404 if room is None else 200 if who in room.members else 403

    def _expect(self, who: str, name: str, text: str, client_id: str | None, message_id: int) -> dict[str, Any]:
        """The message that a send is to be answered with: a new one, or the original of a repeat."""
        if client_id is not None and (who, client_id) in self._sent:
            return self._sent[who, client_id]
        message = {"id": message_id, "username": who, "message": text, "client_id": client_id, "deleted": False}
        assert all(message_id > other["id"] for room in self._rooms.values() for other in room.messages)
        self._rooms[name_key(name)].messages.append(message)
        if client_id is not None:
            self._sent[who, client_id] = message
        return message

    async def _say(self, who: str, reader: Reader, text: str, client_id: str) -> None:
        assert reader.socket is not None
        await reader.socket.send(message=text, client_id=client_id)
        user_id = self._people[who].user_id
        while True:
            frame = await reader.socket.next("chat", "delete")
            self._note(reader, frame)
            if (frame["user_id"], frame.get("client_id")) == (user_id, client_id):
                break
        expected = self._expect(who, reader.room.name, text, client_id, frame["id"])
        assert (frame["id"], frame["type"] == "delete") == (expected["id"], expected["deleted"])
        assert frame.get("message", "") == expected["message"]

    async def _resume(self, who: str, reader: Reader) -> None:
        reader.stack = AsyncExitStack()
        path = f"/ws/chat/{reader.room.name}?after={reader.cursor}"
        reader.socket = await reader.stack.enter_async_context(self._people[who].connected(path))
        reader.room.members.add(who)
        while (frame := await reader.socket.next("chat", "delete", "live"))["type"] != "live":
            self._note(reader, frame)
        reader.cursor = max(reader.cursor, frame["cursor"])

    def _note(self, reader: Reader, frame: dict[str, Any]) -> None:
        if frame["room"] != reader.room.name:
            return  # the answer to a repeat of what was said elsewhere
        if frame["cursor"] > reader.cursor:  # else the answer to a repeat: known before
            reader.cursor = frame["cursor"]
            if frame["type"] == "chat":
                reader.seen.append(frame["id"])
            elif frame["id"] in reader.seen:
                reader.seen.remove(frame["id"])
        else:
            assert (frame["id"] in reader.seen) is (frame["type"] == "chat")

    async def _compare(self) -> None:
        for room in self._rooms.values():
            for who in sorted(room.members)[:1]:
                listed = await self._people[who].listed(room.name)
                shown = [
                    {name: message.get(name) for name in ("id", "username", "message", "client_id")}
                    | {"deleted": message.get("deleted", False)}
                    for message in listed
                ]
                assert shown == room.messages
        for reader in self._readers.values():
            if reader.socket is not None:
                for frame in await reader.socket.settled("chat", "delete"):
                    self._note(reader, frame)
                assert reader.seen == [message["id"] for message in reader.room.messages if not message["deleted"]]

    async def _lose(self, room: ModelRoom) -> None:
        """Every reader of a room that was deleted is told so."""
        for reader in self._readers.values():
            if reader.room is room and reader.socket is not None:
                assert (await reader.socket.next("room_deleted"))["room"] == room.name
                await self._hang_up(reader)

    async def _hang_up(self, reader: Reader | None) -> None:
        if reader is not None and reader.stack is not None:
            await reader.stack.aclose()
            reader.socket = reader.stack = None

    async def _restart(self) -> None:
        sockets = [reader.socket for reader in self._readers.values() if reader.socket is not None]
        _, *codes = await asyncio.gather(self._server.stop(), *(socket.close_code() for socket in sockets))
        assert codes == [1001] * len(sockets)
        for reader in self._readers.values():
            await self._hang_up(reader)
        await self._server.start()

    async def _end(self) -> None:
        for reader in self._readers.values():
            await self._hang_up(reader)
        await self._stack.aclose()
        await self._server.stop()


def test_whatever_people_do_the_server_does_as_the_model() -> None:
    run_state_machine_as_test(
        Whole,
        settings=settings(
            max_examples=20 * TIMES,
            stateful_step_count=30,
            deadline=None,
            database=None,
            derandomize="CI" in os.environ,
            # To look for a shorter way to a failure takes minutes.
            phases=[Phase.generate, Phase.shrink] if TIMES > 1 else [Phase.generate],
        ),
    )
