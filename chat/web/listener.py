"""The door: takes connections in at a pace that leaves time for everyone inside, and no more than there is room for.

A thousand connections that come in the same instant would otherwise be accepted, read and answered in one go, and
what the others say would wait for it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import resource
import socket
from collections import Counter
from contextlib import suppress
from functools import partial
from typing import cast

from aiohttp import web

from chat.logs import new_request_id
from chat.services.limits import counted_subnet
from chat.settings import Settings
from chat.web.middlewares import PROTECTION, REQUEST_ID_HEADER
from chat.web.parser_errors import pass_on_broken_body
from chat.web.proxies import is_from

log = logging.getLogger(__name__)

# File descriptors that are no connections: the database, its log, threads, what the libraries open.
_RESERVED_DESCRIPTORS = 100
# After the system could give no descriptor or memory for another connection.
_REST_SECONDS = 1.0
# Who is turned away gets this long to read why; a flood of them does not.
_LINGER_SECONDS = 0.5
_LINGERING_MAX = 100
# After this many pieces of one request, looks at what has come, each so much later than the one before, up to so many
# times: 400 who trickle cost a few per cent of a core, and whoever is only slow waits so much longer once, at the end.
_PIECES_AT_ONCE = 4
_PIECES_SECONDS = 0.5
_LATER_MOST = 4
_END_OF_HEAD = b"\r\n\r\n"
# How often a full server is worth a line in the log.
_NOTE_SECONDS = 60.0
_RETRY_AFTER_SECONDS = 10


def _refusal(status: str, sentence: str) -> tuple[bytes, bytes]:
    body = json.dumps({"error": sentence, "code": "too_many_connections"})
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Content-Length": len(body),
        "Retry-After": _RETRY_AFTER_SECONDS,
        "Connection": "close",
        **PROTECTION,
    }
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers.items())]
    # Between the two comes the id of the request that nobody has read.
    return "\r\n".join([*lines, f"{REQUEST_ID_HEADER}: "]).encode(), f"\r\n\r\n{body}".encode()


_SERVER_FULL = _refusal("503 Service Unavailable", "The server holds as many connections as it can. Try again soon.")
_ADDRESS_FULL = _refusal("429 Too Many Requests", "There are too many connections from your address. Close some.")


class Listener:
    """Listens on every address that the host of the settings has.

    Args:
        server: makes the protocol of each connection (`AppRunner.server`).
    """

    def __init__(self, server: web.Server, settings: Settings) -> None:
        self._server = server
        self._settings = settings
        self._listening: list[socket.socket] = []
        self._proxies = settings.trusted_networks
        self._connections_max = min(settings.connections_max, _descriptors() - _RESERVED_DESCRIPTORS)
        self._connections = 0
        self._by_address: Counter[bytes] = Counter()
        self._starting: set[asyncio.Task[object]] = set()
        self._lingering: dict[socket.socket, asyncio.TimerHandle] = {}
        self._is_full = False

    @property
    def port(self) -> int:
        return int(self._listening[0].getsockname()[1])

    @property
    def url(self) -> str:
        host = f"[{self._settings.host}]" if ":" in self._settings.host else self._settings.host
        return f"http://{host}:{self.port}"

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the address is not of this machine, or the port is taken.
        """
        loop, host, port = asyncio.get_running_loop(), self._settings.host, self._settings.port
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        try:
            for family, *_, address in dict.fromkeys(found):
                # A free port that was chosen for one address of a name is the port of the others too.
                chosen = port or (self.port if self._listening else 0)
                self._listening.append(_listen(family, (address[0], chosen, *address[2:]), self._settings))
        except OSError:
            self.stop()
            raise
        self._open()

    def stop(self) -> None:
        """Let nobody in any more; harmless when stopped."""
        self._close()
        for listening in self._listening:
            listening.close()
        self._listening.clear()
        for connection, timer in self._lingering.items():
            timer.cancel()
            connection.close()
        self._lingering.clear()

    def _open(self) -> None:
        for listening in self._listening:
            asyncio.get_running_loop().add_reader(listening, self._take_some, listening)

    def _close(self) -> None:
        for listening in self._listening:
            asyncio.get_running_loop().remove_reader(listening)

    def _take_some(self, listening: socket.socket) -> None:
        for _ in range(self._settings.accepts_at_once):
            try:
                connection, address = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                # Out of descriptors or memory: https://man7.org/linux/man-pages/man2/accept.2.html
                log.warning("connections: none can be taken for %.0f s: %s", _REST_SECONDS, error.strerror)
                self._close()
                asyncio.get_running_loop().call_later(_REST_SECONDS, self._open)
                return
            connection.setblocking(False)
            self._welcome(connection, address)

    def _welcome(self, connection: socket.socket, address: tuple[str, int]) -> None:
        is_proxy = is_from(address, self._proxies)
        key = None if is_proxy else counted_subnet(address[0].partition("%")[0])
        if self._connections >= self._connections_max:
            self._note_full()
            self._turn_away(connection, _SERVER_FULL)
        elif key is not None and self._by_address[key] >= self._settings.connections_per_address_max:
            self._turn_away(connection, _ADDRESS_FULL)
        else:
            self._let_in(connection, key)

    def _let_in(self, connection: socket.socket, key: bytes | None) -> None:
        self._connections += 1
        if key is not None:
            self._by_address[key] += 1
        protocol = _Connection(self._server(), partial(self._forget, key), self._settings.answer_seconds)
        loop = asyncio.get_running_loop()
        task: asyncio.Task[object] = loop.create_task(loop.connect_accepted_socket(lambda: protocol, connection))
        self._starting.add(task)
        task.add_done_callback(partial(self._started, protocol))

    def _started(self, protocol: _Connection, task: asyncio.Task[object]) -> None:
        self._starting.discard(task)
        if task.cancelled() or task.exception() is not None:  # gone before it began
            protocol.forget()

    def _forget(self, key: bytes | None) -> None:
        self._connections -= 1
        if key is not None:
            self._by_address[key] -= 1
            if not self._by_address[key]:
                del self._by_address[key]

    def _turn_away(self, connection: socket.socket, refusal: tuple[bytes, bytes]) -> None:
        head, body = refusal
        with suppress(OSError):
            connection.send(head + new_request_id().encode() + body)
            connection.shutdown(socket.SHUT_WR)
        if len(self._lingering) < _LINGERING_MAX:
            # Closed with a request unread, the connection would be reset, perhaps before the answer was read.
            loop = asyncio.get_running_loop()
            self._lingering[connection] = loop.call_later(_LINGER_SECONDS, self._let_go, connection)
        else:
            connection.close()

    def _let_go(self, connection: socket.socket) -> None:
        self._lingering.pop(connection, None)
        connection.close()

    def _note_full(self) -> None:
        if not self._is_full:
            self._is_full = True
            log.warning(
                "connections: full with %d; see connections_max and the limit of open files", self._connections_max
            )
            asyncio.get_running_loop().call_later(_NOTE_SECONDS, self._may_note_again)

    def _may_note_again(self) -> None:
        self._is_full = False


class _Connection(asyncio.Protocol):
    """Stands between the transport and aiohttp, to see when a connection ends, to look seldom at what trickles in and
    to end what takes no answers.

    A request comes in a few pieces. Whoever sends a byte at a time would have each looked at as it comes; after the
    first pieces what has come is looked at only now and then, which is as soon as it was sent to anyone else.

    Of an answer, what the system has no room for waits in memory, also after aiohttp has closed the connection.
    """

    __slots__ = ("_answer_seconds", "_ended", "_handler", "_pieces", "_transport", "_unread", "_unread_bytes")

    def __init__(self, handler: web.RequestHandler, ended: partial[None], answer_seconds: float) -> None:
        self._handler = handler
        self._ended: partial[None] | None = ended
        self._answer_seconds = answer_seconds
        self._unread: asyncio.TimerHandle | None = None  # runs while something waits to be taken
        self._unread_bytes = 0
        self._pieces = 0  # since a request began
        self._transport: asyncio.Transport | None = None

    def forget(self) -> None:
        """Count the connection no longer; harmless when done before."""
        ended, self._ended = self._ended, None
        if ended is not None:
            ended()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        # Writing is paused as soon as, and for as long as, anything waits.
        self._transport.set_write_buffer_limits(high=0)
        self._handler.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        self._handler.data_received(data)
        pass_on_broken_body(self._handler)
        self._pieces = 0 if _END_OF_HEAD in data else self._pieces + 1
        if self._pieces >= _PIECES_AT_ONCE:
            self._look_later()

    def _look_later(self) -> None:
        transport = self._transport
        if transport is not None and not transport.is_closing():
            transport.pause_reading()
            # Not all at the same time: hundreds of them in one turn would make a long one of it.
            seconds = random.uniform(0.5, 1.5) * _seconds_until_next_look(self._pieces)  # noqa: S311  # no secret
            asyncio.get_running_loop().call_later(seconds, self._look_again)

    def _look_again(self) -> None:
        transport = self._transport
        # Else aiohttp has enough for now, and resumes by itself; nothing public tells.
        if transport is not None and not (transport.is_closing() or self._handler._reading_paused):
            transport.resume_reading()

    def eof_received(self) -> None:
        self._handler.eof_received()

    def pause_writing(self) -> None:
        self._handler.pause_writing()
        self._watch()

    def resume_writing(self) -> None:
        self._stop_watching()
        self._handler.resume_writing()

    def _watch(self) -> None:
        transport = self._transport
        if transport is not None:
            self._unread_bytes = transport.get_write_buffer_size()
            self._unread = asyncio.get_running_loop().call_later(self._answer_seconds, self._look_whether_read)

    def _stop_watching(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _look_whether_read(self) -> None:
        transport = self._transport
        if transport is None or transport.get_protocol() is not self:
            return  # a socket by now, which may be as slow as it likes
        if transport.get_write_buffer_size() == self._unread_bytes:
            log.info("connection: nothing of an answer was read for %.0f s, closed", self._answer_seconds)
            transport.abort()
        else:
            self._watch()

    def connection_lost(self, error: Exception | None) -> None:
        self.forget()
        self._stop_watching()
        self._transport = None
        self._handler.connection_lost(error)


def _seconds_until_next_look(pieces: int) -> float:
    return min(pieces - _PIECES_AT_ONCE + 1, _LATER_MOST) * _PIECES_SECONDS


def _listen(family: int, address: tuple[object, ...], settings: Settings) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind(address)
        listening.listen(settings.listen_backlog)
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    return listening


def _descriptors() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
