"""A B A B: every contestant takes its turn in each round, so that noise meets all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from bench.load.crowd import Crowd, Run
from bench.load.room_stream import WorkNotDone
from bench.results import Ratio, Series, ratios
from bench.rooms import RoomServer
from bench.stage import Stage

# Until our server has told the newcomers of each other (it gathers that for a second), and every peer has them all.
_JOINING_SECONDS = 1.5
_WARM_UP_SECONDS = 0.3

T = TypeVar("T")


def take_turns(stage: Stage, turns: Mapping[str, Callable[[], T]]) -> dict[str, list[T]]:
    """The outcomes of the rounds, by whose they are; a peer that does not do the work has none, and it is noted why.

    Raises:
        WorkNotDone: our own server did not do the work.
    """
    outcomes: dict[str, list[T]] = {name: [] for name in turns}
    for _ in range(stage.rounds):
        for name in tuple(outcomes):
            with _leaving_out(stage, name, outcomes):
                outcomes[name].append(turns[name]())
    return outcomes


def fill(
    stage: Stage, contestants: Sequence[RoomServer], sockets: int, senders: int, rooms: int = 1
) -> dict[str, Crowd]:
    """A crowd for each contestant, all sockets in their rooms."""
    crowds: dict[str, Crowd] = {}
    for contestant in contestants:
        with _leaving_out(stage, contestant.name, crowds):
            crowds[contestant.name] = contestant.crowd(sockets, senders, rooms)
    time.sleep(_JOINING_SECONDS)
    for name, crowd in tuple(crowds.items()):
        with _leaving_out(stage, name, crowds):
            crowd.begin()
    return crowds


def in_turn(crowds: dict[str, Crowd], act: Callable[[Crowd], Run]) -> dict[str, Callable[[], Run]]:
    """The turns of some crowds; before each, all of them answer the pings that came meanwhile."""

    def turn(name: str) -> Run:
        for crowd in crowds.values():
            crowd.answer_pings()
        return act(crowds[name])

    return {name: partial(turn, name) for name in crowds}


def saturate(
    stage: Stage, contestants: Sequence[RoomServer], *, sockets: int, senders: int, in_flight: int, rooms: int = 1
) -> dict[str, list[Run]]:
    """The runs of each contestant at full speed, by its name."""
    crowds = fill(stage, contestants, sockets, senders, rooms)
    for name, crowd in tuple(crowds.items()):
        with _leaving_out(stage, name, crowds):
            crowd.saturate(_WARM_UP_SECONDS, in_flight)
    runs = take_turns(stage, in_turn(crowds, lambda crowd: crowd.saturate(stage.seconds, in_flight)))
    close_all(crowds)
    return runs


def close_all(crowds: dict[str, Crowd]) -> None:
    for crowd in crowds.values():
        crowd.close()


@contextmanager
def _leaving_out(stage: Stage, name: str, contestants: dict[str, Any]) -> Iterator[None]:
    """Take a peer out that does not do the work; that our own server does not is a failure of the scenario."""
    try:
        yield
    except (WorkNotDone, OSError) as reason:
        if not stage.is_peer(name):
            raise
        stage.remarks.append(f"No figures for {name}: {reason}")
        contestants.pop(name, None)


def series_of(runs: dict[str, list[Run]], quantity: str, unit: str, value: Callable[[Run], float]) -> dict[str, Series]:
    return {name: Series(name, quantity, unit, [value(run) for run in its]) for name, its in runs.items()}


def against(series: dict[str, Series], at_least: dict[str, float] | None = None) -> list[Ratio]:
    """Our figure over that of everyone else.

    Args:
        at_least: the ratio to reach, by the name of the peer.
    """
    return [
        Ratio(
            f"chat / {name}: {theirs.quantity}",
            ratios(series["chat"].values, theirs.values),
            at_least=(at_least or {}).get(name),
        )
        for name, theirs in series.items()
        if name != "chat"
    ]
