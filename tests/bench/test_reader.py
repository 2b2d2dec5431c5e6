"""What the benchmark's sockets accept as work that was done."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.load.reader import Reader
from bench.load.room_stream import RoomStream, WorkNotDone
from bench.load.wire import message_text
from chat.protocol import close_frame, control_ping, presence_frame, text_frame

PRESENCE = presence_frame("lobby", 1, ["ada"], [])
LONG = "x" * 70_000


def message(number: int, sender: int = 1, characters: int = 128) -> bytes:
    return text_frame(message_text(sender, number, characters))


def fields(text: str, _sender: int, _number: int) -> dict[str, object]:
    return {"message": text}


class Wire:
    """A reader, and the server's end of its connection."""

    def __init__(self, stream: RoomStream, received: bytes = b"", sender: int = 0) -> None:
        self.server, client = socket.socketpair()
        client.setblocking(False)
        self.reader = Reader(client, stream, received, fields, sender=sender)

    def gets(self, data: bytes) -> None:
        """Everything in one piece, if the connection takes it."""
        self.server.sendall(data)
        while self.reader.receive():
            pass


@contextmanager
def wires(count: int) -> Iterator[list[Wire]]:
    stream = RoomStream("lobby")
    found = [Wire(stream) for _ in range(count)]
    try:
        yield found
    finally:
        for wire in found:
            wire.server.close()
            wire.reader.close()


def test_sockets_that_get_the_same_messages_in_order_are_up_to_date() -> None:
    with wires(2) as (one, other):
        one.gets(message(1) + message(2))
        other.gets(PRESENCE + message(1))
        assert [wire.reader.is_up_to_date for wire in (one, other)] == [True, False]
        other.gets(message(2))
        assert [wire.reader.is_up_to_date for wire in (one, other)] == [True, True]
        assert one.reader.stream.last_numbers == {1: 2}
        assert list(one.reader.arrived()) == list(other.reader.arrived()) == [0, 1]


@pytest.mark.parametrize("numbers", [(1, 3), (1, 1), (2,), (1, 2, 1)], ids=str)
def test_a_message_that_is_missing_doubled_or_out_of_order_is_noticed(numbers: tuple[int, ...]) -> None:
    with wires(1) as (wire,), pytest.raises(WorkNotDone):
        wire.gets(b"".join(message(number) for number in numbers))


@pytest.mark.parametrize(
    "second", [message(3), message(1), message(2, sender=2), PRESENCE], ids=lambda frame: frame[:30]
)
def test_a_socket_that_gets_something_else_than_the_others_is_noticed(second: bytes) -> None:
    with wires(2) as (one, other), pytest.raises(WorkNotDone):
        one.gets(message(1) + message(2))
        other.gets(message(1) + second)


def test_a_socket_that_gets_less_than_the_others_is_not_up_to_date() -> None:
    with wires(2) as (one, other):
        one.gets(message(1) + message(2))
        other.gets(message(1))
        assert not other.reader.is_up_to_date


def test_each_sender_has_an_order_of_its_own() -> None:
    with wires(1) as (wire,):
        wire.gets(message(1, 1) + message(1, 2) + message(2, 2) + message(2, 1))
        assert wire.reader.stream.last_numbers == {1: 2, 2: 2}


def test_a_closed_connection_is_noticed() -> None:
    with wires(2) as (one, other):
        with pytest.raises(WorkNotDone, match="closed"):
            one.gets(close_frame(1001, "bye"))
        other.server.shutdown(socket.SHUT_WR)
        with pytest.raises(WorkNotDone, match="closed"):
            other.reader.receive()


@settings(max_examples=60)
@given(data=st.data())
def test_whatever_pieces_the_bytes_come_in_pings_are_answered_and_messages_counted_once(data: st.DataObject) -> None:
    parts = [message(1), message(2), text_frame(LONG), message(3, characters=40), message(4)]
    with wires(2) as found:
        for wire in found:
            content = b"".join(
                part + control_ping() * data.draw(st.integers(0, 1), label="ping") for part in (PRESENCE, *parts)
            )
            pings = content.count(control_ping())
            cuts = sorted(data.draw(st.sets(st.integers(1, len(content) - 1), max_size=8), label="cuts"))
            for start, end in zip([0, *cuts], [*cuts, len(content)], strict=True):
                wire.gets(content[start:end])
            assert wire.reader.is_up_to_date
            pong_bytes = 6
            assert len(wire.server.recv(1000)) == pings * pong_bytes if pings else True
        stream = found[0].reader.stream
        assert bytes(stream.content) == b"".join(parts)
        assert stream.last_numbers == {1: 4}


def test_own_messages_are_counted_when_they_have_come_back() -> None:
    stream = RoomStream("lobby")
    sender, other = Wire(stream, sender=1), Wire(stream)
    sender.reader.send_messages(2, characters=128)
    other.gets(message(1) + message(1, 2) + message(2))
    assert sender.reader.own_arrived() == 0
    sender.gets(message(1) + message(1, 2))
    assert sender.reader.own_arrived() == 1
    assert sender.reader.in_flight == 1
    for wire in (sender, other):
        wire.server.close()
        wire.reader.close()
