"""Many rooms: a hundred busy ones at once, and one person who follows two hundred."""

from __future__ import annotations

import time
from functools import partial

from bench.cast import room_name
from bench.load.crowd import Crowd
from bench.load.reader import Reader
from bench.load.room_stream import RoomStream
from bench.load.wire import handshake
from bench.results import Ratio, Result, ratios
from bench.rooms import ChatRooms
from bench.scenarios.turns import against, saturate, series_of, take_turns
from bench.stage import Stage

ROOMS, MEMBERS = 100, 20
FOLLOWED = 200
_JOINING_SECONDS = 2


def measure_hundred(stage: Stage) -> Result:
    with stage.contestants() as contestants:
        runs = saturate(stage, contestants, sockets=MEMBERS, senders=1, in_flight=1, rooms=ROOMS)
    per_cpu = series_of(runs, "deliveries per server CPU-second", "/s", lambda run: run.deliveries_per_cpu_second)
    taken = series_of(runs, "messages a second", "/s", lambda run: run.messages_per_second)
    load = series_of(runs, "share of its core that the load used", "", lambda run: run.load_share)
    return Result(
        "hundred_rooms",
        f"{ROOMS} rooms of {MEMBERS} at once",
        f"In each of {ROOMS} rooms one of {MEMBERS} members sends the next message as soon as the last one is back.",
        [*per_cpu.values(), *taken.values(), *load.values()],
        against(per_cpu),
    )


def measure_followed(stage: Stage) -> Result:
    with stage.chat() as chat:
        one, many = _follow(chat, range(FOLLOWED, FOLLOWED + 1)), _follow(chat, range(FOLLOWED))
        time.sleep(_JOINING_SECONDS)
        one.begin()
        many.begin()
        runs = take_turns(stage, {
            "one room": partial(one.saturate, stage.seconds, FOLLOWED),
            f"{FOLLOWED} rooms": partial(many.saturate, stage.seconds, 1),
        })  # fmt: skip
        one.close()
        many.close()
    costs = series_of(runs, "server CPU per message", "µs", lambda run: 1e6 * run.server_cpu_seconds / run.messages)
    rates = series_of(runs, "messages a second", "/s", lambda run: run.messages_per_second)
    one_cost, many_cost = (series.values for series in costs.values())
    return Result(
        "followed_rooms",
        f"One socket that follows {FOLLOWED} busy rooms",
        f"One socket is subscribed to {FOLLOWED} rooms, in each of which somebody sends the next message as soon as "
        f"the last one is back. Beside it the same with one room, where one sender keeps {FOLLOWED} under way.",
        [*costs.values(), *rates.values()],
        [Ratio(f"{FOLLOWED} rooms / one room: server CPU per message", ratios(many_cost, one_cost))],
    )


def _follow(chat: ChatRooms, rooms: range) -> Crowd:
    """A sender in each room, and one socket that is subscribed to all of them."""
    senders = [chat.fill_room(room_name(position), 1, 1)[0] for position in rooms]
    ((connection, received),) = chat.open_requests([handshake("/ws", chat.server.port, chat.cookie(0))]).connections
    follower = Reader(connection, RoomStream(f"a socket of {len(rooms)} rooms"), received, chat.message_fields)
    for position in rooms:
        follower.send_fields({"type": "subscribe", "room": room_name(position)})
    return Crowd(chat.server, [*senders, follower])
