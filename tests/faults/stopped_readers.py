"""Readers that stop reading: nobody else feels it, they cost a bounded amount, and they miss nothing."""

from __future__ import annotations

import asyncio
import re
import socket
import statistics
import time
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from bench.cast import room_name, sign_up_cast
from bench.load.crowd import Crowd
from bench.load.wire import MARKER, handshake
from bench.processes import Server, chat_server
from bench.rooms import ChatRooms
from tests.faults.finding import Finding, Progress
from tests.faults.oracle import Key, Place, Reading, Record
from tests.faults.stage import FLAGS, Stage, staged
from tests.raw_sockets import RawSocket, raw_socket

_UNSENT_MAX_BYTES = 256 * 1024  # the default of unsent_max_bytes
# With a packet of this size the kernels hold about a tenth of a megabyte for a reader that has stopped, not three.
_SEGMENT_BYTES, _RECEIVE_BUFFER_BYTES = 1000, 16 * 1024
# What one may cost: its unsent bytes, one batch on top (commit_batch_max_bytes), and the rest of a process that works.
_COST_BYTES, _WORK_BYTES = _UNSENT_MAX_BYTES + 1024 * 1024, 64 * 1024 * 1024
_LONG, _LONG_MESSAGES = 3900, 160
_PEOPLE, _SENDERS = 20, 4
# Of so many messages the slowest hundredth are several: one wait for the disk does not decide.
_PER_SECOND, _SECONDS = 25, 12.0
RATIO = 1.5


async def who_miss_nothing(data_dir: Path, *, readers: int, stopped: int) -> Finding:
    """Let some of the readers stop until they are behind, and read again."""
    async with staged(data_dir) as stage, AsyncExitStack() as stack:
        async with stage.serving() as server:
            await stage.invite(10)
            stage.add_talkers(2, padding=_LONG)
            stage.add_talkers(readers - stopped - 2, messages_max=0)
            async with stage.talking():
                await stage.all_live(stage.talkers)
                still = [
                    await stack.enter_async_context(
                        raw_socket(stage.people[n % 10], "/ws/chat/lobby?after=0", segment_bytes=_SEGMENT_BYTES)
                    )
                    for n in range(stopped)
                ]
                before = _resident_bytes(server.process_id)
                await stage.acknowledged(_LONG_MESSAGES)
                grown = _resident_bytes(server.process_id) - before
                await stage.quiet()
                behind = await asyncio.gather(*(_read_again(stage, raw, f"stopped-{n}") for n, raw in enumerate(still)))
        verdict = await stage.verdict()
    complaints = list(verdict.complaints)
    if not all(behind):
        complaints.append(f"only {sum(behind)} of {stopped} fell behind: this run shows nothing")
    if grown > stopped * _COST_BYTES + _WORK_BYTES:
        complaints.append(f"the process grew by {grown:,} bytes")
    return Finding(
        f"{stopped} of {readers} readers stop",
        stopped,
        f"{verdict.lost} lost, {verdict.doubled} doubled; the process grew by {grown / 2**20:.0f} MiB",
        tuple(complaints),
    )


async def _read_again(stage: Stage, raw: RawSocket, name: str) -> bool:
    """Read what is there into the log; says whether the socket was behind at the end, which a `live` there shows."""
    reading = Reading(name, "lobby")
    head = max(place.cursor for place in stage.log.acknowledged.values())
    caught_up = False
    while reading.up_to < head or not caught_up:
        try:
            frame = await raw.receive()
        except TimeoutError:
            if reading.up_to < head:
                raise
            break  # it was live all the time, and nothing more is said
        if frame["type"] == "live":
            reading.up_to = frame["cursor"]
            caught_up = frame["cursor"] >= head
        elif frame["type"] == "chat":
            place, key = Place(frame["id"], frame["cursor"]), Key(frame["user_id"], frame["client_id"])
            reading.shown.append(stage.log.one(Record(place, frame["room"], key, frame["message"])))
            reading.up_to = place.cursor
    stage.log.readings.append(reading)
    return caught_up


def _resident_bytes(process_id: int) -> int:
    match = re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{process_id}/status").read_text(), re.MULTILINE)
    assert match is not None
    return int(match[1]) * 1024


@dataclass(frozen=True, slots=True)
class _Turn:
    """What was measured while some did not read."""

    latency_seconds: float
    grown_bytes: int
    complaints: list[str]


async def who_cost_nobody(work: Path, *, readers: int, stopped: int, turns: int, is_long: bool = False) -> Finding:
    """Measure the others' latency with and without those that have stopped, in turns; let them catch up each time."""
    return await asyncio.to_thread(_measure, work, readers, stopped, turns, is_long)


def _measure(work: Path, readers: int, stopped: int, turns: int, is_long: bool) -> Finding:
    progress = Progress("stopped readers", turns, is_shown=is_long)
    work.mkdir()
    cast = sign_up_cast(work / "cast", _PEOPLE, rooms=1)
    without, with_stopped = list[float](), list[_Turn]()
    data_dir = cast.copy(work / "data")
    with chat_server(data_dir, *FLAGS) as server:
        rooms = ChatRooms("chat", server, cast, data_dir)
        crowd = Crowd(server, rooms.fill_room(room_name(0), readers - stopped, _SENDERS))
        crowd.begin()
        _warm_up(crowd)
        for _ in range(turns):
            _warm_up(crowd)
            without.append(crowd.pace(_SECONDS, _PER_SECOND).latency(0.99))
            with_stopped.append(_turn(server, rooms, crowd, stopped))
            progress.step()
        crowd.close()
    rooms.check_stored()
    ratios = [turn.latency_seconds / alone for turn, alone in zip(with_stopped, without, strict=True)]
    grown = max(turn.grown_bytes for turn in with_stopped)
    complaints = [complaint for turn in with_stopped for complaint in turn.complaints]
    if statistics.median(ratios) > RATIO:
        complaints.append(f"the others' latency (99 of 100) grew {statistics.median(ratios):.2f}-fold")
    if grown > stopped * _COST_BYTES + _WORK_BYTES:
        complaints.append(f"the process grew by {grown:,} bytes")
    return Finding(
        f"{stopped} of {readers:,} readers stop",
        turns,
        f"the others' latency, 99 of 100: {1000 * statistics.median(without):.1f} ms without, "
        f"{1000 * statistics.median(turn.latency_seconds for turn in with_stopped):.1f} ms with them, ratio "
        f"{statistics.median(ratios):.2f} (median; {min(ratios):.2f} – {max(ratios):.2f}); the process grew by "
        f"{grown / 2**20:.0f} MiB at most; those who stopped were behind, read again and had everything",
        tuple(complaints),
    )


def _warm_up(crowd: Crowd) -> None:
    """Long messages, as before the measurement with readers that have stopped, so that both start alike."""
    crowd.pace(_LONG_MESSAGES / 80, 80, characters=_LONG)


def _turn(server: Server, rooms: ChatRooms, crowd: Crowd, stopped: int) -> _Turn:
    first = [sender.sent + 1 for sender in crowd.senders]
    still = [_connect(server, rooms.cookie(position)) for position in range(stopped)]
    before = server.memory_bytes()
    _warm_up(crowd)
    latency = crowd.pace(_SECONDS, _PER_SECOND).latency(0.99)
    grown = server.memory_bytes() - before
    expected = {
        sender.sender: list(range(number, sender.sent + 1)) for sender, number in zip(crowd.senders, first, strict=True)
    }
    complaints = []
    for position, connection in enumerate(still):
        with closing(connection):
            complaints += [f"stopped reader {position}: {what}" for what in _read_all(connection, expected)]
    return _Turn(latency, grown, complaints)


def _connect(server: Server, cookie: str) -> socket.socket:
    """Shake hands, wait for `live`, and read no more."""
    connection = socket.socket()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, _SEGMENT_BYTES)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
    connection.settimeout(30)
    connection.connect(server.address)
    connection.sendall(handshake(f"/ws/chat/{room_name(0)}", server.port, cookie))
    received = b""
    while b'"type":"live"' not in received:
        received += connection.recv(4096)
    return connection


def _read_all(connection: socket.socket, expected: dict[int, list[int]]) -> list[str]:
    """Read until everything has come; says what came wrongly."""
    received = bytearray()
    wanted = sum(len(numbers) for numbers in expected.values())
    deadline = time.monotonic() + 30
    while len(MARKER.findall(received)) < wanted or b'"type":"live"' not in received:
        try:
            data = connection.recv(1024 * 1024)
        except TimeoutError:
            data = b""
        if not data or time.monotonic() > deadline:
            return [f"got {len(MARKER.findall(received))} of {wanted} messages"]
        received += data
    got: dict[int, list[int]] = {sender: [] for sender in expected}
    for sender, number in MARKER.findall(received):
        got[int(sender)].append(int(number))
    return [] if got == expected else ["messages came twice or out of order"]
