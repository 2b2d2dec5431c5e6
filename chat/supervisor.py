"""Tells systemd how the server is: ready, alive, stopping. Says nothing where no supervisor listens.

The protocol is one datagram for each piece of news: sd_notify(3),
https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Mapping

log = logging.getLogger(__name__)

_MICROSECONDS = 1_000_000


class Supervisor:
    """The one who started this process and wants to hear from it.

    Args:
        environment: where it says so: NOTIFY_SOCKET, and WATCHDOG_USEC with WATCHDOG_PID.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._address = _address(environment.get("NOTIFY_SOCKET", ""))
        self._watchdog_seconds = _watchdog_seconds(environment) if self._address else 0.0

    def ready(self, status: str) -> None:
        """The server answers from now on."""
        self._tell(f"READY=1\nSTATUS={status}")

    def stopping(self, status: str) -> None:
        """It will end by itself."""
        self._tell(f"STOPPING=1\nSTATUS={status}")

    async def keep_watchdog(self) -> None:
        """Say twice in the watchdog's time that the event loop turns, for as long as it does."""
        while self._watchdog_seconds:
            self._tell("WATCHDOG=1")
            await asyncio.sleep(self._watchdog_seconds / 2)

    def _tell(self, news: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.setblocking(False)  # a supervisor that does not listen must not stop us
                sender.sendto(news.encode(), self._address)
        except OSError as error:
            log.warning("supervisor: could not be told %s: %s", news.partition("\n")[0], error.strerror)


def own_supervisor() -> Supervisor:
    """That of this process."""
    return Supervisor(os.environ)


def _address(name: str) -> str:
    # An @ stands for the NUL that begins an abstract name: unix(7).
    return "\0" + name[1:] if name.startswith("@") else name


def _watchdog_seconds(environment: Mapping[str, str]) -> float:
    meant = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    microseconds = environment.get("WATCHDOG_USEC", "")
    return int(microseconds) / _MICROSECONDS if meant and microseconds.isascii() and microseconds.isdigit() else 0.0
