"""The heartbeat: finds sockets whose other end is gone, and leaves alone those that are merely slow.

A silent socket is pinged. When the ping stays unanswered, three cases are told apart:

- everything sent, the ping too, has reached the other machine, and its program does not answer: gone;
- something is on the way and the other machine does not acknowledge it: gone;
- something is on the way and the other machine says "not now": a reader that has stopped. It is waited for, up to
  a bound, because whoever is slow must lose nothing.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from dataclasses import dataclass

from chat.live.hub import Hub
from chat.live.subscriber import Subscriber
from chat.protocol import control_ping
from chat.settings import Settings

log = logging.getLogger(__name__)

# Sockets looked at before others get a turn: well under a millisecond.
_SLICE = 500
# struct tcp_info of linux/tcp.h: retransmits and probes at 2 and 3, unacked at 24, notsent_bytes at 144.
_TCP_INFO_BYTES = 148
_TCP_INFO = getattr(socket, "TCP_INFO", None)


@dataclass(frozen=True, slots=True)
class _Link:
    """What the kernel knows of the way to the other machine."""

    is_busy: bool  # something is on the way that has not been acknowledged
    answers: bool


async def keep_alive(hub: Hub, settings: Settings) -> None:
    """Ping the silent and end the dead, for as long as the server runs."""
    loop = asyncio.get_running_loop()
    interval = min(1.0, settings.heartbeat_seconds / 20)
    while True:
        await asyncio.sleep(interval)
        for number, subscriber in enumerate(hub.subscribers):
            if number % _SLICE == _SLICE - 1:
                await asyncio.sleep(0)
            _check(hub, subscriber, settings, loop.time(), interval)


def _check(hub: Hub, subscriber: Subscriber, settings: Settings, now: float, interval: float) -> None:
    if subscriber.closing_since is not None:
        if now - subscriber.closing_since >= settings.close_seconds:
            subscriber.transport.abort()
        return
    silent = now - subscriber.last_received
    if silent < settings.heartbeat_seconds:
        return
    link = _link(subscriber)
    if subscriber.last_pinged <= subscriber.last_received and not subscriber.is_backlogged:
        subscriber.last_pinged = now
        subscriber.send(control_ping())
    elif link.is_busy and link.answers and silent < settings.stalled_reader_seconds:
        subscriber.last_pinged = now  # the ping waits behind the rest; its time runs from when it has arrived
    # One interval early, so that the bound holds although this runs only so often.
    elif now - subscriber.last_pinged >= settings.heartbeat_seconds / 2 - interval:
        log.info("socket of user %d: no sign of life for %.0f s, closed", subscriber.user.user_id, silent)
        hub.remove(subscriber)
        subscriber.transport.abort()


def _link(subscriber: Subscriber) -> _Link:
    """Ask the kernel; where it cannot tell, the machine counts as answering and the bound on silence decides."""
    unsent = bool(subscriber.unsent_bytes())
    connection = subscriber.transport.get_extra_info("socket")
    if _TCP_INFO is None or connection is None:
        return _Link(is_busy=unsent, answers=True)
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _TCP_INFO_BYTES)
    except OSError:
        return _Link(is_busy=unsent, answers=False)  # no longer connected
    if len(info) < _TCP_INFO_BYTES:
        return _Link(is_busy=unsent, answers=True)
    retransmits, probes = info[2], info[3]
    (unacknowledged,) = struct.unpack_from("I", info, 24)
    (not_sent_bytes,) = struct.unpack_from("I", info, 144)
    return _Link(
        is_busy=unsent or bool(unacknowledged or not_sent_bytes),
        # A full receiver answers each probe of its window; one may be under way.
        answers=retransmits == 0 and probes <= 1,
    )
