"""Fan-out of single messages: nothing to gather, one write for each socket and message."""

from __future__ import annotations

from bench.results import Ratio, Result, ratios
from bench.scenarios.turns import close_all, fill, in_turn, series_of, take_turns
from bench.stage import WRITE_LOOP, Stage

SOCKETS = 1000
PER_SECOND = 20
# Ten senders in turn, so that no one waits for an earlier message of their own.
SENDERS = 10


def measure(stage: Stage) -> Result:
    with stage.contestants(WRITE_LOOP, without=("django",)) as contestants:
        crowds = fill(stage, contestants, SOCKETS, SENDERS)
        runs = take_turns(stage, in_turn(crowds, lambda crowd: crowd.pace(2 * stage.seconds, PER_SECOND)))
        close_all(crowds)
    cost = series_of(runs, "server CPU per delivery", "µs", lambda run: 1e6 / run.deliveries_per_cpu_second)
    usual = series_of(runs, "latency, median", "ms", lambda run: 1000 * run.latency(0.5))
    worst = series_of(runs, "latency, 99 of 100", "ms", lambda run: 1000 * run.latency(0.99))
    load = series_of(runs, "share of its core that the load used", "", lambda run: run.load_share)
    return Result(
        "single_messages",
        f"Single messages, {PER_SECOND} a second to {SOCKETS:,} sockets",
        f"{SENDERS} of {SOCKETS:,} sockets send in turn, {PER_SECOND} messages a second altogether. Latency "
        "counts from the moment a message was due, to its arrival at each socket. The limit is a bare loop of "
        "os.write over the same sockets.",
        [*cost.values(), *usual.values(), *worst.values(), *load.values()],
        [
            Ratio(
                f"chat / {name}: server CPU per delivery",
                ratios(cost["chat"].values, theirs.values),
                at_most=1.5 if name == WRITE_LOOP.title else None,
            )
            for name, theirs in cost.items()
            if name != "chat"
        ],
    )
