"""Ports for servers that have to be told theirs."""

from __future__ import annotations

import random
import socket
from contextlib import closing

# Below those that Linux gives to connections that go out (ip(7), ip_local_port_range): none of them comes in between.
_FIRST, _LAST = 20_000, 32_000


def free_port() -> int:
    """A port of 127.0.0.1 that nobody has; drawn by chance, so that two workers do not draw the same."""
    while True:
        port = random.randint(_FIRST, _LAST)
        with closing(socket.socket()) as trying:
            try:
                trying.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
