"""What a run with a fault found: whether all held, and the figures of it."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One row of the table.

    Args:
        runs: how often the fault was made.
        figures: what was counted and measured, in words.
        complaints: what did not hold.
    """

    fault: str
    runs: int
    figures: str
    complaints: tuple[str, ...]

    @property
    def held(self) -> bool:
        return not self.complaints


class Progress:
    """The line that says how far a long run is.

    Args:
        total: rounds to come.
        is_shown: the short runs of the tests say nothing.
    """

    def __init__(self, what: str, total: int, *, is_shown: bool) -> None:
        self._what = what
        self._total = total
        self._is_shown = is_shown
        self._done = 0

    def step(self) -> None:
        self._done += 1
        if not self._is_shown:
            return
        if sys.stdout.isatty():
            end = "\n" if self._done == self._total else ""
            print(f"\r  {self._what}: {self._done} of {self._total}", end=end, flush=True)
        elif self._done == self._total or self._done % max(1, self._total // 4) == 0:
            print(f"  {self._what}: {self._done} of {self._total}", flush=True)


def median_and_worst(seconds: Sequence[float]) -> str:
    return f"{statistics.median(seconds):.2f} s (median), {max(seconds):.2f} s (worst)"
