"""A socket of the load, which may also send."""

from __future__ import annotations

import socket
from collections.abc import Callable

from bench.load.room_stream import RoomStream, WorkNotDone, data_frame_size, is_control
from bench.load.wire import MARKER, message_text, new_mask, pong_frame, text_frame

# Below the size from which malloc asks the kernel for fresh pages each time.
_RECEIVE_BYTES = 64 * 1024
_CLOSE, _PING = 0x88, 0x89

MessageFields = Callable[[str, int, int], dict[str, object]]  # text, sender, number


class Reader:
    """An open WebSocket whose handshake is over.

    Args:
        stream: what it must get, from the first message on.
        received: what came with the answer to the handshake.
        sender: its number as a sender, 0 for none.
    """

    __slots__ = (
        "_connection", "_has_begun", "_mask", "_own_seen", "_pending", "_seen", "fileno", "in_flight", "message_fields",
        "offset", "sender", "sent", "stream",
    )  # fmt: skip

    def __init__(
        self,
        connection: socket.socket,
        stream: RoomStream,
        received: bytes,
        message_fields: MessageFields,
        *,
        sender: int = 0,
    ) -> None:
        self._connection = connection
        self._mask = new_mask()
        self._has_begun = False
        self._pending = b""  # the beginning of a frame, when its end decides what to do with it
        self._seen = 0
        self._own_seen = 0
        self.fileno = connection.fileno()
        self.stream = stream
        self.offset = 0
        self.message_fields = message_fields
        self.sender = sender
        self.sent = 0
        self.in_flight = 0
        self._take(received)

    def receive(self) -> bool:
        """Take what has come; says whether there was anything.

        Raises:
            WorkNotDone: the connection ended, or these are not the bytes that the others got.
        """
        try:
            data = self._connection.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return False
        if not data:
            raise WorkNotDone(f"{self.stream.name}: the server closed a connection.")
        if self._has_begun and not self._pending and self.stream.content.startswith(data, self.offset):
            self.offset += len(data)
        else:
            self._take(data)
        return True

    def send_messages(self, count: int, *, characters: int) -> None:
        """Send the next messages of this sender with one system call."""
        frames = []
        for number in range(self.sent + 1, self.sent + count + 1):
            text = message_text(self.sender, number, characters)
            frames.append(text_frame(self.message_fields(text, self.sender, number), self._mask))
        self.sent += count
        self.in_flight += count
        self.send_bytes(b"".join(frames))

    def send_fields(self, fields: dict[str, object]) -> None:
        self.send_bytes(text_frame(fields, self._mask))

    def send_bytes(self, data: bytes) -> None:
        self._connection.setblocking(True)
        self._connection.sendall(data)
        self._connection.setblocking(False)

    def own_arrived(self) -> int:
        """How many of its own messages have come back since this was asked last."""
        ends = self.stream.own_ends[self.sender]
        before = self._own_seen
        while self._own_seen < len(ends) and ends[self._own_seen] <= self.offset:
            self._own_seen += 1
        self.in_flight -= self._own_seen - before
        return self._own_seen - before

    def arrived(self) -> range:
        """Which messages of the stream have come since this was asked last, as positions in it."""
        before, ends = self._seen, self.stream.ends
        while self._seen < len(ends) and ends[self._seen] <= self.offset:
            self._seen += 1
        return range(before, self._seen)

    @property
    def is_up_to_date(self) -> bool:
        return self._has_begun and self.offset == len(self.stream.content)

    def restart(self) -> None:
        """Begin at the start of the restarted stream."""
        self.offset = self._seen = self._own_seen = 0

    def close(self) -> None:
        self._connection.close()

    def _take(self, data: bytes) -> None:
        data = self._pending + data
        while data:
            taken = self._take_part(data)
            if not taken:
                break
            data = data[taken:]
        self._pending = data

    def _take_part(self, data: bytes) -> int:
        """Take bytes up to the next control frame, or that frame; returns how many, 0 when more have to come first."""
        if not self._has_begun:
            return self._take_before_stream(data)
        known = bytes(self.stream.content[self.offset : self.offset + len(data)])
        same = len(known) if data.startswith(known) else _first_difference(data, known)
        self.offset += same
        if same:
            return same
        if is_control(data[0]) and (known or self.stream.is_between_frames):
            return self._answer(data)
        if known:
            raise WorkNotDone(f"{self.stream.name}: a socket got {data[:40]!r} where others got {known[:40]!r}.")
        taken = self.stream.extend(data)
        self.offset += taken
        return taken

    def _take_before_stream(self, data: bytes) -> int:
        """Pass over presence and the like, which differ from socket to socket, until the first message."""
        if is_control(data[0]):
            return self._answer(data)
        size = data_frame_size(data, 0)
        if not size or len(data) < size:
            return 0
        if MARKER.search(data, 0, size):
            self._has_begun = True
            return self._take_part(data)
        return size

    def _answer(self, data: bytes) -> int:
        """Answer a ping with its payload (RFC 6455, 5.5.3)."""
        size = 2 + data[1] if len(data) >= 2 else 2
        if len(data) < size:
            return 0
        if data[0] == _CLOSE:
            raise WorkNotDone(f"{self.stream.name}: the server closed a socket: {data[2:size]!r}.")
        if data[0] == _PING:
            self.send_bytes(pong_frame(data[2:size], self._mask))
        return size


def _first_difference(data: bytes, known: bytes) -> int:
    """Where two texts part that are not the same."""
    low, high = 0, min(len(data), len(known))
    while low < high:
        middle = (low + high) // 2
        if data[low : middle + 1] == known[low : middle + 1]:
            low = middle + 1
        else:
            high = middle
    return low
