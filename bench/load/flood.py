"""What someone does who means harm: sends as fast as the server takes it, and cares for no answer."""

from __future__ import annotations

import re
import select
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

_LENGTH = re.compile(rb"\r\n[Cc]ontent-[Ll]ength: (\d+)\r\n")
_WAIT_SECONDS = 0.1
_RECEIVE_BYTES = 65536
# Between two bytes of a head. Sent as fast as it goes, the packets alone slowed those who measure on the same core: the
# figure moved as much when they went to a program that only threw them away.
_BYTE_SECONDS = 0.05

NextRequest = Callable[[int, int], bytes]  # connection, number from 0


def flood_sockets(connections: Sequence[socket.socket], frames: bytes, seconds: float) -> int:
    """Send the same bytes over and over through every socket; returns how many bytes were taken.

    Args:
        frames: whole frames, many of them.
    """
    by_fileno = {connection.fileno(): connection for connection in connections}
    offsets = dict.fromkeys(by_fileno, 0)
    taken, end = 0, time.perf_counter() + seconds
    with _polled(connections, select.EPOLLIN | select.EPOLLOUT) as epoll:
        while time.perf_counter() < end:
            for fileno, event in epoll.poll(_WAIT_SECONDS):
                connection = by_fileno[fileno]
                if event & select.EPOLLIN:
                    connection.recv(_RECEIVE_BYTES)
                if event & select.EPOLLOUT:
                    sent = connection.send(memoryview(frames)[offsets[fileno] :])
                    offsets[fileno] = (offsets[fileno] + sent) % len(frames)
                    taken += sent
    return taken


def flood_requests(address: tuple[str, int], connections: int, seconds: float, next_request: NextRequest) -> int:
    """Ask over several connections, each the next as soon as the last is answered; returns how many were answered."""
    asking = [socket.create_connection(address) for _ in range(connections)]
    order = {connection.fileno(): position for position, connection in enumerate(asking)}
    answers = dict.fromkeys(order, b"")
    answered, end = 0, time.perf_counter() + seconds
    with _polled(asking, select.EPOLLIN) as epoll:
        for position, connection in enumerate(asking):
            connection.send(next_request(position, 0))
        while time.perf_counter() < end:
            for fileno, _ in epoll.poll(_WAIT_SECONDS):
                connection = asking[order[fileno]]
                answers[fileno] += connection.recv(_RECEIVE_BYTES)
                if _is_whole(answers[fileno]):
                    answers[fileno] = b""
                    answered += 1
                    connection.send(next_request(order[fileno], answered))
    for connection in asking:
        connection.close()
    return answered


def flood_connections(address: tuple[str, int], requests: Sequence[bytes], seconds: float) -> int:
    """Connect, send a request, take the beginning of the answer, close, and again; returns how often.

    Args:
        requests: for each of the connections that there are at any time.
    """
    made, end = 0, time.perf_counter() + seconds
    with select.epoll() as epoll:
        waiting: dict[int, tuple[socket.socket, bytes]] = {}

        def connect(request: bytes) -> None:
            connection = socket.create_connection(address)
            connection.sendall(request)
            epoll.register(connection.fileno(), select.EPOLLIN)
            waiting[connection.fileno()] = connection, request

        for request in requests:
            connect(request)
        while time.perf_counter() < end:
            for fileno, _ in epoll.poll(_WAIT_SECONDS):
                connection, request = waiting.pop(fileno)
                epoll.unregister(fileno)
                with suppress(ConnectionError):
                    connection.recv(_RECEIVE_BYTES)
                connection.close()
                made += 1
                connect(request)
        for connection, _ in waiting.values():
            connection.close()
    return made


def hold_connections(address: tuple[str, int], count: int, seconds: float, head: bytes) -> int:
    """Open connections and send each a request whose headers never end, a byte now and then; returns how many stood."""
    held = [socket.create_connection(address) for _ in range(count)]
    end, position = time.perf_counter() + seconds, 0
    standing = count
    while time.perf_counter() < end:
        standing = 0
        for connection in held:
            with suppress(ConnectionError):
                connection.send(head[position % len(head) :][:1])
                standing += 1
        position += 1
        time.sleep(_BYTE_SECONDS)
    for connection in held:
        connection.close()
    return standing


@contextmanager
def _polled(connections: Sequence[socket.socket], events: int) -> Iterator[select.epoll]:
    with select.epoll() as epoll:
        for connection in connections:
            connection.setblocking(False)
            epoll.register(connection.fileno(), events)
        yield epoll


def _is_whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    length = _LENGTH.search(head + b"\r\n")
    return bool(end) and length is not None and len(body) >= int(length[1])
