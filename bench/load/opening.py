"""Opens many WebSockets at once, as fast as the server answers."""

from __future__ import annotations

import select
import socket
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.load.room_stream import WorkNotDone

# Well below the ports that one source address has on Linux (32768 to 60999): looking for a free one takes ever longer.
_PORTS_PER_ADDRESS = 10_000
# <linux/in.h>: leaves the choice of the port to connect, which needs it free for one destination only.
_IP_BIND_ADDRESS_NO_PORT = 24
_PATIENCE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Opened:
    """Connections whose handshake is over, in the order of their requests.

    Args:
        connections: each with what came after the answer.
        seconds: from the first connect to the last answer.
    """

    connections: list[tuple[socket.socket, bytes]]
    seconds: float


def open_sockets(address: tuple[str, int], requests: Sequence[bytes], *, at_once: int = 128) -> Opened:
    """Connect and shake hands.

    Args:
        requests: one handshake for each connection.
        at_once: connections that are under way at the same time.

    Raises:
        WorkNotDone: the server refused one.
    """
    start = time.perf_counter()
    answered: dict[int, tuple[socket.socket, bytes]] = {}
    under_way: dict[int, _Handshake] = {}
    waiting = deque(enumerate(requests))
    try:
        with select.epoll() as epoll:
            while waiting or under_way:
                while waiting and len(under_way) < at_once:
                    shake = _Handshake(address, *waiting.popleft())
                    under_way[shake.connection.fileno()] = shake
                    epoll.register(shake.connection.fileno(), select.EPOLLOUT)
                for shake in _go_on(epoll, under_way):
                    answered[shake.position] = (shake.connection, shake.rest)
    except WorkNotDone:
        for connection in [*(shake.connection for shake in under_way.values()), *(c for c, _ in answered.values())]:
            connection.close()
        raise
    return Opened([answered[position] for position in range(len(requests))], time.perf_counter() - start)


def _go_on(epoll: select.epoll, under_way: dict[int, _Handshake]) -> Iterator[_Handshake]:
    """Do what can be done now; yields those that are over."""
    events = epoll.poll(_PATIENCE_SECONDS)
    if not events:
        raise WorkNotDone("A handshake was not answered.")
    for fileno, event in events:
        shake = under_way[fileno]
        if event & select.EPOLLOUT:
            shake.connection.sendall(shake.request)
            epoll.modify(fileno, select.EPOLLIN)
        elif shake.receive():
            epoll.unregister(fileno)
            yield under_way.pop(fileno)


class _Handshake:
    """A connection whose answer has not come yet."""

    def __init__(self, address: tuple[str, int], position: int, request: bytes) -> None:
        self.connection = _connect(address, position)
        self.position = position
        self.request = request
        self.rest = b""
        self._answer = b""

    def receive(self) -> bool:
        """Take what has come; says whether the answer is whole."""
        self._answer += self.connection.recv(65536)
        head, end, self.rest = self._answer.partition(b"\r\n\r\n")
        if not self._answer or not head.startswith(b"HTTP/1.1 101"[: len(head)]):
            raise WorkNotDone(f"A handshake was answered with {self._answer[:300]!r}.")
        return bool(end)


def _connect(address: tuple[str, int], position: int) -> socket.socket:
    connection = socket.socket()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
    connection.setblocking(False)
    connection.bind((f"127.0.0.{1 + position // _PORTS_PER_ADDRESS}", 0))
    connection.connect_ex(address)
    return connection
