"""What is measured, one file a subject."""

from __future__ import annotations

from collections.abc import Callable

from bench.results import Result
from bench.scenarios import (
    durability,
    fan_out,
    growth,
    history,
    hostile,
    http_requests,
    idle,
    intake,
    logins,
    many_rooms,
    reconnect_storm,
    single_messages,
    start_up,
)
from bench.stage import Stage

# In the order in which they run.
ALL: dict[str, Callable[[Stage], Result]] = {
    "fan_out_100": fan_out.measure_100,
    "fan_out_1000": fan_out.measure_1000,
    "single_messages": single_messages.measure,
    "intake": intake.measure,
    "hundred_rooms": many_rooms.measure_hundred,
    "followed_rooms": many_rooms.measure_followed,
    "idle_10000": idle.measure_10_000,
    "idle_50000": idle.measure_50_000,
    "reconnect_storm": reconnect_storm.measure,
    "history": history.measure,
    "http_requests": http_requests.measure,
    "logins": logins.measure,
    "hostile": hostile.measure,
    "start_up": start_up.measure,
    "durability": durability.measure,
    "growth": growth.measure,
}
# What a change may have moved, for use while working.
QUICK = ("fan_out_100", "fan_out_1000", "single_messages", "intake", "history", "start_up")
