"""A bare loop of `os.write` over the sockets: what delivering costs when nothing else is done.

Started with a port. It answers handshakes without looking at them; of each message it keeps the text, puts it into
a frame made in advance for that length, as our server would send it, and writes that to every socket.
"""

from __future__ import annotations

import os
import select
import socket
import sys

from bench.load.wire import MARKER, MESSAGE_CHARACTERS, message_text
from chat.models import Message
from chat.protocol import chat_frame

_SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
_TEMPLATE = chat_frame(
    Message(1_000_000, 1_000_000, 2, "bench-000", 1, "person-000", message_text(0, 0, MESSAGE_CHARACTERS),
            1_700_000_000_000, "1-100")
)  # fmt: skip
_MARKER_AT = _TEMPLATE.index(b"<0000:00000000>")
_MARKER_END = _MARKER_AT + len(b"<0000:00000000>")


def main() -> None:
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=4096)
    members: dict[int, socket.socket] = {}
    with select.epoll() as epoll:
        epoll.register(listener.fileno(), select.EPOLLIN)
        while True:
            for fileno, _ in epoll.poll():
                if fileno == listener.fileno():
                    _let_in(listener, members, epoll)
                elif not _pass_on(members[fileno], members):
                    epoll.unregister(fileno)
                    members.pop(fileno).close()


def _let_in(listener: socket.socket, members: dict[int, socket.socket], epoll: select.epoll) -> None:
    connection, _ = listener.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    members[connection.fileno()] = connection
    epoll.register(connection.fileno(), select.EPOLLIN)


def _pass_on(connection: socket.socket, members: dict[int, socket.socket]) -> bool:
    """Act on what a socket sent; says whether it is still open."""
    try:
        data = connection.recv(65536)
    except ConnectionError:
        return False
    if data.startswith(b"GET "):
        connection.sendall(_SWITCH)
    elif data:
        match = MARKER.search(_unmasked(data))
        if match is not None:
            frame = _TEMPLATE[:_MARKER_AT] + match[0] + _TEMPLATE[_MARKER_END:]
            for fileno in members:
                os.write(fileno, frame)
    return bool(data)


def _unmasked(frame: bytes) -> bytes:
    head = 4 if frame[1] & 0x7F == 126 else 2
    mask, payload = frame[head : head + 4], frame[head + 4 :]
    key = (mask * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(len(payload), "big")


if __name__ == "__main__":
    main()
