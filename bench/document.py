"""Writes docs/performance.md from what was found and the text around it, which stands in performance.md here."""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from bench.plots import draw_bars, draw_curves
from bench.processes import ROOT
from bench.report import number, ratio_spread, spread
from bench.results import Ratio, Result, Series

_TEMPLATE = Path(__file__).with_name("performance.md")
_DOCUMENT = ROOT / "docs" / "performance.md"
_IMAGES = ROOT / "docs" / "images"
_WORST = "latency, 99 of 100"
_DRAWN = {
    "fan_out_100": "deliveries per server CPU-second",
    "fan_out_1000": "deliveries per server CPU-second",
    "single_messages": "server CPU per delivery",
    "intake": "messages a second",
    "hundred_rooms": "messages a second",
}


def write_document(machine: Mapping[str, str], results: Sequence[Result]) -> Path:
    """Write the page and its plots; returns the page.

    Raises:
        KeyError: a figure that the text speaks of was not measured.
    """
    _IMAGES.mkdir(exist_ok=True)
    for result in results:
        _draw(result)
    text = string.Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        machine=_machine(machine), goals=_goals(results), results=_results(results), **_facts(results)
    )
    _DOCUMENT.write_text(text, encoding="utf-8")
    return _DOCUMENT


def _draw(result: Result) -> None:
    if result.key in _DRAWN:
        drawn = [series for series in result.series if series.quantity == _DRAWN[result.key]]
        draw_bars(_IMAGES / f"{result.key}.svg", result.title, drawn)
    if result.curves:
        draw_curves(_IMAGES / f"{result.key}.svg", result.curves)


def _machine(machine: Mapping[str, str]) -> str:
    return _table(("what", "here"), machine.items())


def _goals(results: Iterable[Result]) -> str:
    rows = [
        (f"[{result.title}](#{_anchor(result.title)})", ratio.what, ratio.goal, ratio_spread(ratio), _verdict(ratio))
        for result in results
        for ratio in result.ratios
        if ratio.goal
    ]
    return _table(("scenario", "figure", "to reach", "median (lowest – highest round)", ""), rows)


def _verdict(ratio: Ratio) -> str:
    return "reached" if ratio.is_reached else "**not reached**"


def _results(results: Iterable[Result]) -> str:
    return "\n".join(_section(result) for result in results)


def _section(result: Result) -> str:
    parts = [f"### {result.title}", result.how]
    if result.key in _DRAWN or result.curves:
        parts.append(f"![{result.title}](images/{result.key}.svg)")
    if result.series:
        rows = [(series.what, series.quantity, spread(series)) for series in result.series]
        parts.append(_table(("", "figure", "median (lowest – highest round)"), rows))
    if result.ratios:
        parts.append(_table(("ratio", "median (lowest – highest round)", "to reach"),
                            [(ratio.what, ratio_spread(ratio), ratio.goal) for ratio in result.ratios]))  # fmt: skip
    parts += result.remarks
    parts += [f"`python -m bench --only {result.key}`", ""]
    return "\n\n".join(parts)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _anchor(title: str) -> str:
    kept = "".join(character for character in title.lower() if character.isalnum() or character in " -")
    return kept.replace(" ", "-")


def _facts(results: Sequence[Result]) -> dict[str, str]:
    """The figures that the text speaks of."""
    found = {result.key: result for result in results}
    fast = _series(found["fan_out_1000"], "chat", "deliveries a second").median
    single = _series(found["single_messages"], "chat", "server CPU per delivery").median
    memory = _series(found["idle_10000"], "chat", "memory of each socket").median
    growth = {curve.title: [(x, sorted(values)[len(values) // 2]) for x, values in curve.points]
              for curve in found["growth"].curves}  # fmt: skip
    lone = growth["Room size, one message at a time"]
    return {
        "fan_out_1000": number(fast),
        "fan_out_100": number(_series(found["fan_out_100"], "chat", "deliveries a second").median),
        "fan_out_cost": number(1e6 / _series(found["fan_out_100"], "chat", "deliveries per server CPU-second").median),
        "single_cost": number(single),
        "single_share": number(100 * 20 * 1000 * single / 1e6),
        "single_rate": number(1e6 / single / 1000),
        "single_latency": number(_series(found["single_messages"], "chat", "latency, median").median),
        "intake": number(_series(found["intake"], "chat", "messages a second").median),
        "intake_day": number(_series(found["intake"], "chat", "messages a second").median * 86_400 / 1e9),
        "memory": number(memory),
        "memory_10000": number(memory * 10_000 / 1000),
        "handshakes": number(_series(found["idle_10000"], "chat", "handshakes a second").median),
        "storm": number(_series(found["reconnect_storm"], "chat", "until all are live").median),
        "lone_small": number(lone[0][1]),
        "lone_small_size": number(lone[0][0]),
        "lone_large": number(lone[-1][1]),
        "lone_large_size": number(lone[-1][0]),
        "logins": number(_series(found["logins"], "with logins", "logins a second").median),
        "fastest_in_rooms": _fastest(found["hundred_rooms"], "deliveries per server CPU-second"),
        "fastest_posts": _fastest(found["http_requests"], "send_message, answers a second"),
        "storm_latency": number(_series(found["reconnect_storm"], "chat, bystanders meanwhile", _WORST).median),
        "storm_latency_before": number(_series(found["reconnect_storm"], "chat, bystanders before", _WORST).median),
        "posts": number(_series(found["http_requests"], "chat", "send_message, answers a second").median),
    }


def _fastest(result: Result, quantity: str) -> str:
    """Who is ahead of us most, and by how much."""
    found = {series.what: series.median for series in result.series if series.quantity == quantity}
    name = max(found, key=lambda what: found[what])
    return f"{name} {number(found[name] / found['chat'])} times"


def _series(result: Result, what: str, quantity: str) -> Series:
    return next(series for series in result.series if (series.what, series.quantity) == (what, quantity))
