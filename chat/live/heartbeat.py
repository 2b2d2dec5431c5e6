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

    has_unacknowledged: bool
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
    if subscriber.last_pinged <= subscriber.last_received:
        subscriber.last_pinged = now
        if not subscriber.is_backlogged:
            subscriber.send(control_ping())
    # One interval early, so that the bound holds although this runs only so often.
    elif silent >= 1.5 * settings.heartbeat_seconds - interval and _is_dead(subscriber, silent, settings):
        log.info("socket of user %d: no sign of life for %.0f s, closed", subscriber.user.user_id, silent)
        hub.remove(subscriber)
        subscriber.transport.abort()


def _is_dead(subscriber: Subscriber, silent: float, settings: Settings) -> bool:
    link = _link(subscriber.transport)
    if not subscriber.unsent_bytes() and not link.has_unacknowledged:
        return True
    return not link.answers or silent >= settings.stalled_reader_seconds


def _link(transport: asyncio.Transport) -> _Link:
    """Ask the kernel; where it cannot tell, the machine counts as answering and the bound on silence decides."""
    connection = transport.get_extra_info("socket")
    if _TCP_INFO is None or connection is None:
        return _Link(has_unacknowledged=False, answers=True)
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _TCP_INFO_BYTES)
    except OSError:
        return _Link(has_unacknowledged=False, answers=False)  # no longer connected
    if len(info) < _TCP_INFO_BYTES:
        return _Link(has_unacknowledged=False, answers=True)
    retransmits, probes = info[2], info[3]
    (unacknowledged,) = struct.unpack_from("I", info, 24)
    (not_sent_bytes,) = struct.unpack_from("I", info, 144)
    return _Link(
        has_unacknowledged=bool(unacknowledged or not_sent_bytes),
        # A full receiver answers each probe of its window; one may be under way.
        answers=retransmits == 0 and probes <= 1,
    )
