"""Rooms full of sockets, on our server or on a peer, for the same load."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from bench.cast import Cast, post, room_name
from bench.load.crowd import Crowd
from bench.load.opening import Opened, open_sockets
from bench.load.reader import Reader
from bench.load.room_stream import RoomStream, WorkNotDone
from bench.load.wire import MARKER, handshake
from bench.processes import Server


class RoomServer(ABC):
    """A running chat server of whatever kind.

    Args:
        name: as in the tables.
    """

    def __init__(self, name: str, server: Server) -> None:
        self.name = name
        self.server = server
        self._sender_numbers = count(1)
        self._senders: list[Reader] = []
        self._sent_otherwise: dict[int, int] = {}

    @abstractmethod
    def request(self, position: int, room: str) -> bytes:
        """The handshake of a room's socket at this position."""

    @abstractmethod
    def message_fields(self, text: str, sender: int, number: int) -> dict[str, object]:
        """The frame in which a client sends a message."""

    def open(self, sockets: int, room: str, *, at_once: int = 128) -> Opened:
        return self.open_requests([self.request(position, room) for position in range(sockets)], at_once=at_once)

    def open_requests(self, requests: Sequence[bytes], *, at_once: int = 128) -> Opened:
        return open_sockets(self.server.address, requests, at_once=at_once)

    def fill_room(self, room: str, sockets: int, senders: int) -> list[Reader]:
        """Connect to a room; the first of the sockets will send."""
        stream = RoomStream(f"{self.name}, room {room}")
        readers = []
        for position, (connection, received) in enumerate(self.open(sockets, room).connections):
            sender = next(self._sender_numbers) if position < senders else 0
            reader = Reader(connection, stream, received, self.message_fields, sender=sender)
            readers.append(reader)
            if sender:
                self._senders.append(reader)
        return readers

    def crowd(self, sockets: int, senders: int, rooms: int = 1) -> Crowd:
        """Fill rooms, each with as many sockets and senders."""
        readers = [
            reader for position in range(rooms) for reader in self.fill_room(room_name(position), sockets, senders)
        ]
        return Crowd(self.server, readers)

    def new_senders(self, count: int) -> list[int]:
        """Sender numbers for messages that do not go over sockets; `note_sent` tells how many were sent."""
        return [next(self._sender_numbers) for _ in range(count)]

    def note_sent(self, sender: int, messages: int) -> None:
        self._sent_otherwise[sender] = self._sent_otherwise.get(sender, 0) + messages

    @abstractmethod
    def check_stored(self) -> None:
        """Make sure that what everybody received is on disk, where the server promises that.

        Raises:
            WorkNotDone: a message is not in the database exactly once, or out of order.
        """

    def sent(self) -> dict[int, int]:
        """How many messages each sender has sent."""
        return {sender.sender: sender.sent for sender in self._senders} | self._sent_otherwise


class ChatRooms(RoomServer):
    """Our server, with signed-in people who give each message a client_id, as the page does."""

    def __init__(self, name: str, server: Server, cast: Cast, data_dir: Path) -> None:
        super().__init__(name, server)
        self._cast = cast
        self.data_dir = data_dir

    def cookie(self, position: int) -> str:
        return self._cast.cookies[position % len(self._cast.cookies)]

    def request(self, position: int, room: str) -> bytes:
        return handshake(f"/ws/chat/{room}", self.server.port, self.cookie(position))

    def message_fields(self, text: str, sender: int, number: int) -> dict[str, object]:
        return {"message": text, "client_id": f"{sender}-{number}"}

    def join(self, position: int, room: str) -> None:
        """Make a person a member."""
        post(self.server, "/join_room", self.cookie(position), {"room": room})

    def check_stored(self) -> None:
        check_stored(self.data_dir, self.sent())


class PeerRooms(RoomServer):
    """A peer: no sign-in, nothing but messages."""

    def request(self, position: int, room: str) -> bytes:  # noqa: ARG002
        return handshake(f"/ws/{room}", self.server.port, None)

    def message_fields(self, text: str, sender: int, number: int) -> dict[str, object]:  # noqa: ARG002
        return {"message": text}

    def check_stored(self) -> None:
        """It promises nothing."""


def check_stored(data_dir: Path, sent: dict[int, int]) -> None:
    """Make sure that the messages of each sender are in the database, each once, in order.

    Args:
        sent: the number of messages by sender.

    Raises:
        WorkNotDone: they are not.
    """
    last = dict.fromkeys(sent, 0)
    for text in _stored_texts(data_dir):
        match = MARKER.search(text.encode())
        if match is None or (sender := int(match[1])) not in last:
            continue
        if int(match[2]) != last[sender] + 1:
            raise WorkNotDone(f"Stored after message {last[sender]} of sender {sender}: {int(match[2])}.")
        last[sender] += 1
    if last != sent:
        missing = {sender: (last[sender], sent[sender]) for sender in sent if last[sender] != sent[sender]}
        raise WorkNotDone(f"Acknowledged, but not stored (sender: stored, sent): {missing}.")


def _stored_texts(data_dir: Path) -> Sequence[str]:
    connection = sqlite3.connect(f"{(data_dir / 'chat.db').as_uri()}?mode=ro", uri=True)
    try:
        return [text for (text,) in connection.execute("SELECT text FROM message ORDER BY id")]
    finally:
        connection.close()
