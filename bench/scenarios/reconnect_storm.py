"""A reconnect storm: everybody comes back at once and wants what was missed."""

from __future__ import annotations

import select
import socket
import time

from bench.cast import post, room_name
from bench.load.beside import beside
from bench.load.crowd import Crowd
from bench.load.opening import open_sockets
from bench.load.room_stream import WorkNotDone
from bench.load.wire import MARKER, handshake, message_text
from bench.results import Ratio, Result, Series, ratios
from bench.rooms import ChatRooms, RoomServer
from bench.scenarios.fan_out import PLAIN
from bench.stage import Stage

SOCKETS = 5000
MISSED = 50
BYSTANDERS, PER_SECOND = 20, 100
_STORM_ROOM, _QUIET_ROOM = room_name(0), room_name(1)
_STORM_SENDER = 9000
_JOINING_SECONDS = 1.5
_PATIENCE_SECONDS = 60


def measure(stage: Stage) -> Result:
    sockets = min(stage.scaled(SOCKETS), stage.sockets_max)
    live, quiet, meanwhile, plain = [], [], [], []
    for _ in range(stage.rounds):
        with stage.chat() as chat:
            crowd = Crowd(chat.server, chat.fill_room(_QUIET_ROOM, BYSTANDERS, 1))
            time.sleep(_JOINING_SECONDS)
            crowd.begin()
            quiet.append(1000 * crowd.pace(2 * stage.seconds, PER_SECOND).latency(0.99))
            after = _say_what_is_missed(chat)
            with beside(_come_back, chat, sockets, after) as seconds:
                meanwhile.append(1000 * crowd.pace(2 * stage.seconds, PER_SECOND).latency(0.99))
                live.append(float(seconds()))
            crowd.close()
        with stage.contestants(only=["aiohttp"]) as (_, peer), beside(_connect, peer, sockets) as seconds:
            plain.append(float(seconds()))
    return Result(
        "reconnect_storm",
        f"{sockets:,} sockets come back at once",
        f"{sockets:,} sockets of {len(stage.cast.cookies)} people connect to a room at once, each with the cursor "
        f"before its last {MISSED} messages, and are live when they have those, each once and in order, and the frame "
        f"that says so. Meanwhile {BYSTANDERS} others talk in another room, {PER_SECOND} messages a second. Beside it: "
        "the same number of bare handshakes at a plain aiohttp room, with nothing to catch up.",
        [
            Series("chat", "until all are live", "s", live),
            Series(PLAIN, "until all are connected", "s", plain),
            Series("chat, bystanders before", "latency, 99 of 100", "ms", quiet),
            Series("chat, bystanders meanwhile", "latency, 99 of 100", "ms", meanwhile),
        ],
        [
            Ratio(f"chat, live with {MISSED} messages / {PLAIN}, connected: seconds", ratios(live, plain)),
            Ratio("bystanders' latency, 99 of 100: meanwhile / before", ratios(meanwhile, quiet)),
        ],
    )


def _say_what_is_missed(chat: ChatRooms) -> int:
    """Send to the room of the storm; returns the cursor before the first message."""
    cursors = []
    for number in range(1, MISSED + 1):
        fields: dict[str, object] = {"room": _STORM_ROOM, "message": message_text(_STORM_SENDER, number)}
        cursors.append(int(str(post(chat.server, "/send_message", chat.cookie(0), fields)["cursor"])))
    return cursors[0] - 1


def _connect(peer: RoomServer, sockets: int) -> float:
    return peer.open(sockets, _STORM_ROOM, at_once=sockets).seconds


def _come_back(chat: ChatRooms, sockets: int, after: int) -> float:
    """Seconds until all are live, with everything they had missed."""
    path = f"/ws/chat/{_STORM_ROOM}?after={after}"
    requests = [handshake(path, chat.server.port, chat.cookie(position)) for position in range(sockets)]
    start = time.perf_counter()
    opened = open_sockets(chat.server.address, requests, at_once=sockets)
    waiting = {connection.fileno(): (connection, bytearray(received)) for connection, received in opened.connections}
    with select.epoll() as epoll:
        for fileno, (connection, received) in tuple(waiting.items()):
            if _is_live(received):
                del waiting[fileno]
            else:
                connection.setblocking(False)
                epoll.register(fileno, select.EPOLLIN)
        while waiting:
            _receive(epoll, waiting)
    return time.perf_counter() - start


def _receive(epoll: select.epoll, waiting: dict[int, tuple[socket.socket, bytearray]]) -> None:
    events = epoll.poll(_PATIENCE_SECONDS)
    if not events:
        raise WorkNotDone(f"{len(waiting)} sockets that came back never became live.")
    for fileno, _ in events:
        connection, received = waiting[fileno]
        received += connection.recv(65536)
        if _is_live(received):
            epoll.unregister(fileno)
            del waiting[fileno]


def _is_live(received: bytearray) -> bool:
    at = received.find(b'{"type":"live"')
    if at < 0:
        return False
    numbers = [int(match[2]) for match in MARKER.finditer(received)]
    if numbers != list(range(1, MISSED + 1)):
        raise WorkNotDone(f"A socket that came back got {numbers[:5]} … {numbers[-5:]} and was live then.")
    return True
