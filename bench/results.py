"""What the scenarios found: series of rounds, ratios with the figure to reach, curves."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Series:
    """One figure, once for each round.

    Args:
        what: whose it is, like "chat".
        quantity: what was measured, like "deliveries per server CPU-second".
    """

    what: str
    quantity: str
    unit: str
    values: Sequence[float]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def low(self) -> float:
        return min(self.values)

    @property
    def high(self) -> float:
        return max(self.values)


@dataclass(frozen=True, slots=True)
class Ratio:
    """One figure over another, both of the same round.

    Args:
        at_least, at_most: the bound that its median is to keep; neither for a ratio that only informs.
    """

    what: str
    values: Sequence[float]
    at_least: float | None = None
    at_most: float | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def goal(self) -> str:
        if self.at_least is not None:
            return f"≥ {self.at_least:g}"
        return "" if self.at_most is None else f"≤ {self.at_most:g}"

    @property
    def is_reached(self) -> bool:
        if self.at_least is not None:
            return self.median >= self.at_least
        return self.at_most is None or self.median <= self.at_most


@dataclass(frozen=True, slots=True)
class Curve:
    """How a cost grows.

    Args:
        points: x with the values of the rounds at it.
    """

    title: str
    x_label: str
    y_label: str
    points: Sequence[tuple[float, Sequence[float]]]


@dataclass(frozen=True, slots=True)
class Result:
    """All that one scenario found.

    Args:
        key: the scenario's name, as for --only.
        how: what was done, in a few sentences.
    """

    key: str
    title: str
    how: str
    series: Sequence[Series] = ()
    ratios: Sequence[Ratio] = ()
    curves: Sequence[Curve] = ()
    remarks: Sequence[str] = field(default=())


def ratios(over: Sequence[float], under: Sequence[float]) -> list[float]:
    """Round by round: one divided by the other."""
    return [a / b for a, b in zip(over, under, strict=True)]


def save_results(path: Path, machine: dict[str, str], results: Iterable[Result]) -> None:
    content = {"machine": machine, "results": [asdict(result) for result in results]}
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def load_results(path: Path) -> tuple[dict[str, str], list[Result]]:
    content = json.loads(path.read_text(encoding="utf-8"))
    return content["machine"], [_result(item) for item in content["results"]]


def _result(item: dict[str, Any]) -> Result:
    return Result(
        item["key"],
        item["title"],
        item["how"],
        [Series(**series) for series in item["series"]],
        [Ratio(**ratio) for ratio in item["ratios"]],
        [Curve(**curve) for curve in item["curves"]],
        item["remarks"],
    )
