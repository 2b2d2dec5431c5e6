"""Figures about the running server in the format of Prometheus; what each means stands in docs/metrics.md.

What happens often is counted where it happens in plain integers, or once for each commit; the rest is looked at when
someone asks. So what is measured pays next to nothing for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from chat.store.group_commit import Committed

CONTENT_TYPE = CONTENT_TYPE_LATEST

_TICK_SECONDS = 0.5
# From a commit on a fast disk to what people call broken.
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
# Codes are constants of the program, about fifty; a fault that made them up must not fill the memory.
_CODES_MAX = 200
_BATCHES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


@dataclass(frozen=True, slots=True)
class Readings:
    """What is looked at only when someone asks."""

    sockets: int = 0
    rooms_live: int = 0
    users_online: int = 0
    catch_ups: int = 0
    catching_up: int = 0
    password_queue: int = 0
    sessions: int = 0
    database_bytes: int = 0
    wal_bytes: int = 0


class Metrics:
    """Everything that is measured, in a registry of its own: two servers in one process must not mix."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second time series for each counter, of use to nobody
        self._registry = registry = CollectorRegistry()
        self._readings = _LatestReadings()
        registry.register(self._readings)
        ProcessCollector(registry=registry)
        self._messages = Counter("chat_messages", "Messages stored.", registry=registry)
        self._repeats = Counter(
            "chat_repeats", "Messages sent again under a client_id that was stored before.", registry=registry
        )
        self._refusals = Counter(
            "chat_refusals", "Requests and frames that were answered with an error.", ["code"], registry=registry
        )
        self._codes: set[str] = set()
        self._commit_seconds = Histogram(
            "chat_commit_seconds", "Time to bring one batch of messages to disk.", buckets=_SECONDS, registry=registry
        )
        self._commit_messages = Histogram(
            "chat_commit_messages", "Messages in one batch.", buckets=_BATCHES, registry=registry
        )
        self._delivery_seconds = Histogram(
            "chat_delivery_seconds",
            "Time from accepting a message to giving it to the sockets, of the oldest in each batch.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._loop_lag_seconds = Histogram(
            "chat_loop_lag_seconds", "How late the event loop runs what is due.", buckets=_SECONDS, registry=registry
        )

    def on_commit(self, committed: Committed) -> None:
        """Note a batch that is on disk and published; a few microseconds."""
        self._messages.inc(committed.stored)
        self._repeats.inc(committed.repeats)
        self._commit_seconds.observe(committed.seconds)
        self._commit_messages.observe(committed.stored + committed.repeats)
        self._delivery_seconds.observe(committed.oldest_wait_seconds)

    def refused(self, code: str) -> None:
        """Note an error that was answered."""
        if code not in self._codes and len(self._codes) >= _CODES_MAX:
            code = "other"
        self._codes.add(code)
        self._refusals.labels(code).inc()

    async def watch_loop(self) -> None:
        """Measure how late the event loop is, for as long as the server runs."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _TICK_SECONDS
            await asyncio.sleep(_TICK_SECONDS)
            self._loop_lag_seconds.observe(max(0.0, loop.time() - due))

    def exposition(self, readings: Readings) -> bytes:
        """The page that Prometheus reads; to be called in a thread, because it looks through /proc."""
        self._readings.latest = readings
        return generate_latest(self._registry)


class _LatestReadings(Collector):
    def __init__(self) -> None:
        self.latest = Readings()

    def collect(self) -> Iterator[Metric]:
        now = self.latest
        yield GaugeMetricFamily("chat_sockets", "Open WebSockets.", now.sockets)
        yield GaugeMetricFamily("chat_rooms_live", "Rooms that a socket is subscribed to.", now.rooms_live)
        yield GaugeMetricFamily("chat_users_online", "People with an open WebSocket.", now.users_online)
        yield CounterMetricFamily("chat_catch_ups", "Times a socket was fed from the database.", now.catch_ups)
        yield GaugeMetricFamily("chat_catching_up", "Sockets being fed from the database.", now.catching_up)
        yield GaugeMetricFamily("chat_password_queue", "Passwords being checked or waiting.", now.password_queue)
        yield GaugeMetricFamily("chat_sessions", "Sign-ins and API tokens that are valid.", now.sessions)
        yield GaugeMetricFamily("chat_database_bytes", "Size of the database file.", now.database_bytes)
        yield GaugeMetricFamily("chat_wal_bytes", "Size of the write-ahead log beside it.", now.wal_bytes)
