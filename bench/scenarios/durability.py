"""What it costs that a message survives a power cut: synchronous=FULL against NORMAL."""

from __future__ import annotations

from contextlib import ExitStack

from bench.results import Ratio, Result, ratios
from bench.scenarios.intake import IN_FLIGHT, SENDERS
from bench.scenarios.turns import close_all, fill, in_turn, series_of, take_turns
from bench.stage import Stage

PER_SECOND = 100
FULL, NORMAL = "FULL (the default)", "NORMAL"


def measure(stage: Stage) -> Result:
    with ExitStack() as stack:
        both = [
            stack.enter_context(stage.chat("--synchronous", level, name=name))
            for level, name in (("full", FULL), ("normal", NORMAL))
        ]
        crowds = fill(stage, both, SENDERS, SENDERS)
        busy = take_turns(stage, in_turn(crowds, lambda crowd: crowd.saturate(stage.seconds, IN_FLIGHT)))
        lone = take_turns(stage, in_turn(crowds, lambda crowd: crowd.pace(stage.seconds, PER_SECOND)))
        close_all(crowds)
    taken = series_of(busy, "messages a second", "/s", lambda run: run.messages_per_second)
    usual = series_of(lone, "latency of a lone message, median", "ms", lambda run: 1000 * run.latency(0.5))
    return Result(
        "durability",
        "What durability costs",
        f"{SENDERS} sockets send at once, as for intake; then one message at a time, {PER_SECOND} a second. With "
        "NORMAL a message survives the death of the process, with FULL also that of the machine.",
        [*taken.values(), *usual.values()],
        [
            Ratio("NORMAL / FULL: messages a second", ratios(taken[NORMAL].values, taken[FULL].values)),
            Ratio("FULL / NORMAL: latency of a lone message", ratios(usual[FULL].values, usual[NORMAL].values)),
        ],
    )
