"""Logins during delivery: hashing passwords must not hold up those who talk."""

from __future__ import annotations

import http.client
import json
import time
from concurrent.futures import ThreadPoolExecutor

from bench.cast import PASSWORD, room_name, username
from bench.load.beside import beside
from bench.load.crowd import Crowd
from bench.load.room_stream import WorkNotDone
from bench.processes import HOST, Server
from bench.results import Ratio, Result, Series, ratios
from bench.stage import Stage

LOGINS = 32
SOCKETS, PER_SECOND = 100, 100
_JOINING_SECONDS = 1.5


def measure(stage: Stage) -> Result:
    quiet, meanwhile, rate = [], [], []
    with stage.chat() as chat:
        crowd = Crowd(chat.server, chat.fill_room(room_name(0), SOCKETS, 1))
        time.sleep(_JOINING_SECONDS)
        crowd.begin()
        for _ in range(stage.rounds):
            quiet.append(1000 * crowd.pace(2 * stage.seconds, PER_SECOND).latency(0.99))
            with beside(_log_in, chat.server, 2 * stage.seconds) as logins:
                meanwhile.append(1000 * crowd.pace(2 * stage.seconds, PER_SECOND).latency(0.99))
                rate.append(float(logins()))
        crowd.close()
    return Result(
        "logins",
        f"{LOGINS} people sign in at once, again and again",
        f"{SOCKETS} sockets in a room, {PER_SECOND} messages a second, timed from when each was due. Half of the time "
        f"{LOGINS} people sign in at the same time, each again as soon as the last sign-in is answered.",
        [
            Series("without logins", "latency, 99 of 100", "ms", quiet),
            Series("with logins", "latency, 99 of 100", "ms", meanwhile),
            Series("with logins", "logins a second", "/s", rate),
        ],
        [Ratio("latency, 99 of 100: with logins / without", ratios(meanwhile, quiet), at_most=3)],
    )


def _log_in(server: Server, seconds: float) -> float:
    """Logins a second."""
    start = time.perf_counter()
    with ThreadPoolExecutor(LOGINS) as threads:
        counts = list(threads.map(lambda position: _log_in_again(server, position, start + seconds), range(LOGINS)))
    return sum(counts) / (time.perf_counter() - start)


def _log_in_again(server: Server, position: int, end: float) -> int:
    count = 0
    body = json.dumps({"username": username(position), "password": PASSWORD})
    while time.perf_counter() < end:
        connection = http.client.HTTPConnection(HOST, server.port, timeout=60)
        connection.request("POST", "/login", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        if response.status != http.HTTPStatus.OK:
            raise WorkNotDone(f"A login was answered with {response.status}: {response.read(300)!r}.")
        connection.close()
        count += 1
    return count
