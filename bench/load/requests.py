"""HTTP requests over connections that stay open, each the next as soon as the last is answered."""

from __future__ import annotations

import json
import re
import select
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.load.room_stream import WorkNotDone
from bench.processes import Server

_PATIENCE_SECONDS = 60
_LENGTH = re.compile(rb"\r\n[Cc]ontent-[Ll]ength: (\d+)\r\n")

NextRequest = Callable[[int, int], bytes]  # connection, number from 1


@dataclass(frozen=True, slots=True)
class Answered:
    """Requests that were all answered with 200.

    Args:
        counts: for each connection.
    """

    counts: Sequence[int]
    seconds: float
    server_cpu_seconds: float
    load_cpu_seconds: float

    @property
    def per_second(self) -> float:
        return sum(self.counts) / self.seconds

    @property
    def per_cpu_second(self) -> float:
        return sum(self.counts) / self.server_cpu_seconds

    @property
    def load_share(self) -> float:
        return self.load_cpu_seconds / self.seconds


def http_request(method: str, path: str, port: int, cookie: str = "", fields: dict[str, object] | None = None) -> bytes:
    body = b"" if fields is None else json.dumps(fields).encode()
    lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}"]
    if cookie:
        lines.append(f"Cookie: {cookie}")
    if fields is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def keep_asking(server: Server, connections: int, seconds: float, next_request: NextRequest) -> Answered:
    """Ask over several connections for some seconds.

    Raises:
        WorkNotDone: an answer was not 200.
    """
    asking = {s.fileno(): s for s in (socket.create_connection(server.address) for _ in range(connections))}
    order = {fileno: position for position, fileno in enumerate(asking)}
    counts = [0] * connections
    answers: dict[int, bytes] = dict.fromkeys(asking, b"")
    start, server_cpu, load_cpu = time.perf_counter(), server.cpu_seconds(), time.process_time()
    with select.epoll() as epoll:
        for fileno, connection in asking.items():
            epoll.register(fileno, select.EPOLLIN)
            connection.sendall(next_request(order[fileno], 1))
        while asking:
            events = epoll.poll(_PATIENCE_SECONDS)
            if not events:
                raise WorkNotDone("A request was not answered.")
            for fileno, _ in events:
                connection, position = asking[fileno], order[fileno]
                received = connection.recv(65536)
                if not received:
                    raise WorkNotDone(f"The server closed a connection after {answers[fileno][:300]!r}.")
                answers[fileno] += received
                if not _is_whole(answers[fileno]):
                    continue
                answers[fileno] = b""
                counts[position] += 1
                if time.perf_counter() < start + seconds:
                    connection.sendall(next_request(position, counts[position] + 1))
                else:
                    epoll.unregister(fileno)
                    asking.pop(fileno).close()
    return Answered(
        counts, time.perf_counter() - start, server.cpu_seconds() - server_cpu, time.process_time() - load_cpu
    )


def _is_whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    if end and not head.startswith(b"HTTP/1.1 200"):
        raise WorkNotDone(f"A request was answered with {answer[:300]!r}.")
    length = _LENGTH.search(head + b"\r\n")
    return bool(end) and length is not None and len(body) >= int(length[1])
