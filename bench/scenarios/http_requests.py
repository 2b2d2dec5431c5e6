"""HTTP: messages sent with POST, and the list of rooms."""

from __future__ import annotations

from functools import partial

from bench.cast import ROOM_COUNT, room_name
from bench.load.requests import Answered, http_request, keep_asking
from bench.load.wire import message_text
from bench.results import Result, Series
from bench.rooms import ChatRooms, RoomServer
from bench.scenarios.turns import against, take_turns
from bench.stage import Stage

CONNECTIONS = 16
_ROOM = room_name(0)
_PEERS = ("aiohttp", "aiohttp_uvloop", "starlette", "django")


def measure(stage: Stage) -> Result:
    speaking = [peer.name for peer in stage.peers if peer.speaks_http and peer.name in _PEERS]
    with stage.contestants(only=speaking or ["none"]) as contestants:
        # Asked first: a peer keeps no list of rooms that nobody has been in.
        posts = take_turns(stage, {c.name: partial(_send_messages, stage, c) for c in contestants})
        lists = take_turns(stage, {c.name: partial(_get_rooms, stage, c) for c in contestants})
    sent, listed = _series("send_message", posts), _series("get_rooms", lists)
    return Result(
        "http_requests",
        "HTTP requests",
        f"{CONNECTIONS} connections that stay open, each asks again as soon as it is answered. send_message is "
        f"answered by our server when the message is on disk; get_rooms lists our {ROOM_COUNT + 1} rooms, with what is "
        "unread in them, where the peers list the one that is in use.",
        [*sent.values(), *listed.values()],
        [*against(sent), *against(listed)],
    )


def _series(path: str, answered: dict[str, list[Answered]]) -> dict[str, Series]:
    quantity = f"{path}, answers a second"
    return {name: Series(name, quantity, "/s", [each.per_second for each in its]) for name, its in answered.items()}


def _send_messages(stage: Stage, contestant: RoomServer) -> Answered:
    senders = contestant.new_senders(CONNECTIONS)

    def request(position: int, number: int) -> bytes:
        text = message_text(senders[position], number)
        fields = {"room": _ROOM} | contestant.message_fields(text, senders[position], number)
        return http_request("POST", "/send_message", contestant.server.port, _cookie(contestant, position), fields)

    answered = keep_asking(contestant.server, CONNECTIONS, stage.seconds, request)
    for sender, count in zip(senders, answered.counts, strict=True):
        contestant.note_sent(sender, count)
    return answered


def _get_rooms(stage: Stage, contestant: RoomServer) -> Answered:
    requests = [
        http_request("GET", "/get_rooms", contestant.server.port, _cookie(contestant, position))
        for position in range(CONNECTIONS)
    ]
    return keep_asking(contestant.server, CONNECTIONS, stage.seconds, lambda position, _: requests[position])


def _cookie(contestant: RoomServer, position: int) -> str:
    return contestant.cookie(position) if isinstance(contestant, ChatRooms) else ""
