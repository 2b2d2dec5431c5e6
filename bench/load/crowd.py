"""A crowd of sockets in one epoll loop: sends at full speed or at a fixed rate, and checks that all get everything."""

from __future__ import annotations

import select
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.load.reader import Reader
from bench.load.room_stream import RoomStream, WorkNotDone
from bench.load.wire import MESSAGE_CHARACTERS
from bench.processes import Server

_PATIENCE_SECONDS = 60
_QUIET_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Run:
    """What was done, and what it cost; there is none of a run in which anything was missing or came twice.

    Args:
        messages: sent, and received by everyone.
        deliveries: messages times those who got each.
        seconds: from the first send until everybody had everything.
        latencies: seconds from when a message should have been sent to each arrival, in order of size; empty at
            full speed.
    """

    messages: int
    deliveries: int
    seconds: float
    server_cpu_seconds: float
    load_cpu_seconds: float
    latencies: Sequence[float] = ()

    @property
    def deliveries_per_cpu_second(self) -> float:
        return self.deliveries / self.server_cpu_seconds

    @property
    def messages_per_second(self) -> float:
        return self.messages / self.seconds

    @property
    def messages_per_cpu_second(self) -> float:
        return self.messages / self.server_cpu_seconds

    @property
    def load_share(self) -> float:
        """How much of its core the load used: near 1 the load was the limit, not the server."""
        return self.load_cpu_seconds / self.seconds

    def latency(self, share: float) -> float:
        """Within how many seconds this share of the deliveries was made."""
        return self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))]


class Crowd:
    """Open sockets of one server.

    Args:
        readers: all of them; those with a `sender` send.
    """

    def __init__(self, server: Server, readers: Iterable[Reader]) -> None:
        self._server = server
        self._readers = {reader.fileno: reader for reader in readers}
        self._senders = [reader for reader in self._readers.values() if reader.sender]
        self._streams = {id(reader.stream): reader.stream for reader in self._readers.values()}
        self._epoll = select.epoll()
        for fileno in self._readers:
            self._epoll.register(fileno, select.EPOLLIN)

    @property
    def senders(self) -> Sequence[Reader]:
        return self._senders

    def begin(self) -> None:
        """Let each sender send one message, with which the stream of everyone who reads it begins."""
        for sender in self._senders:
            sender.send_messages(1, characters=MESSAGE_CHARACTERS)
        self._settle()

    def saturate(self, seconds: float, in_flight: int, characters: int = MESSAGE_CHARACTERS) -> Run:
        """Send for some seconds, each sender as soon as fewer than `in_flight` of its messages are under way.

        Raises:
            WorkNotDone: somebody did not get every message once and in order.
        """
        started = self._start()
        for sender in self._senders:
            sender.send_messages(in_flight, characters=characters)
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            for reader in self._receive(1):
                if reader.sender and (arrived := reader.own_arrived()):
                    reader.send_messages(arrived, characters=characters)
        return self._finish(started)

    def pace(self, seconds: float, per_second: float, characters: int = MESSAGE_CHARACTERS) -> Run:
        """Send at a fixed rate, the senders in turn, and time every arrival from when the message was due.

        Raises:
            WorkNotDone: somebody did not get every message once and in order.
        """
        started = self._start()
        start = time.perf_counter()
        due = deque(start + position / per_second for position in range(int(seconds * per_second)))
        schedule: dict[int, list[float]] = {id(stream): [] for stream in self._streams.values()}
        latencies: list[float] = []
        turn = 0
        while due or not self._all_arrived():
            now = time.perf_counter()
            while due and due[0] <= now:
                sender = self._senders[turn % len(self._senders)]
                schedule[id(sender.stream)].append(due.popleft())
                sender.send_messages(1, characters=characters)
                turn += 1
            readers = self._receive(max(0.0, due[0] - time.perf_counter()) if due else _QUIET_SECONDS)
            now = time.perf_counter()
            for reader in readers:
                latencies += [now - schedule[id(reader.stream)][position] for position in reader.arrived()]
            if now > start + seconds + _PATIENCE_SECONDS:
                raise WorkNotDone("Messages did not arrive.")
        return self._finish(started, sorted(latencies))

    def answer_pings(self) -> None:
        """Take what came while others had their turn."""
        self._receive(0)

    def close(self) -> None:
        self._epoll.close()
        for reader in self._readers.values():
            reader.close()

    def _receive(self, wait_seconds: float) -> list[Reader]:
        """Take what has come within the time; returns whose it is."""
        readers = self._readers
        return [readers[fileno] for fileno, _ in self._epoll.poll(wait_seconds) if readers[fileno].receive()]

    def _start(self) -> tuple[int, float, float, float]:
        for stream in self._streams.values():
            stream.restart()
        for reader in self._readers.values():
            reader.restart()
        sent = sum(sender.sent for sender in self._senders)
        return sent, time.perf_counter(), self._server.cpu_seconds(), time.process_time()

    def _finish(self, started: tuple[int, float, float, float], latencies: Sequence[float] = ()) -> Run:
        sent, wall, server_cpu, load_cpu = started
        self._settle()
        seconds = time.perf_counter() - wall
        server_cpu = self._server.cpu_seconds() - server_cpu
        load_cpu = time.process_time() - load_cpu
        for sender in self._senders:
            sender.in_flight = 0
        readers_of = dict.fromkeys(self._streams, 0)
        for reader in self._readers.values():
            readers_of[id(reader.stream)] += 1
        deliveries = sum(len(stream.ends) * readers_of[key] for key, stream in self._streams.items())
        messages = sum(sender.sent for sender in self._senders) - sent
        return Run(messages, deliveries, seconds, server_cpu, load_cpu, latencies)

    def _settle(self) -> None:
        """Receive until everybody has everything."""
        end = time.perf_counter() + _PATIENCE_SECONDS
        while not self._all_arrived():
            self._receive(_QUIET_SECONDS)
            if time.perf_counter() > end:
                missing = sum(not reader.is_up_to_date for reader in self._readers.values())
                raise WorkNotDone(f"{self._any_stream().name}: {missing} sockets did not get everything.")

    def _all_arrived(self) -> bool:
        return all(sender.stream.last_numbers[sender.sender] == sender.sent for sender in self._senders) and all(
            reader.is_up_to_date for reader in self._readers.values()
        )

    def _any_stream(self) -> RoomStream:
        return next(iter(self._streams.values()))
