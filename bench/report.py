"""Prints what was found."""

from __future__ import annotations

from collections.abc import Sequence

from bench.results import Ratio, Result, Series


def print_result(result: Result, seconds: float) -> None:
    print(f"  {result.title} ({seconds:.0f} s)")
    for series in result.series:
        print(f"    {series.what:38} {series.quantity:42} {spread(series)}")
    for ratio in result.ratios:
        print(f"    {ratio.what:81} {_verdict(ratio)}")
    for curve in result.curves:
        points = ", ".join(f"{x:g}: {sorted(values)[len(values) // 2]:.3g}" for x, values in curve.points)
        print(f"    {curve.title:38} {curve.y_label}: {points}")
    for remark in result.remarks:
        print(f"    {remark}")


def print_summary(results: Sequence[Result], failures: dict[str, str]) -> None:
    """The table of ratios that have a figure to reach."""
    print("\nFigures to reach (median, and from lowest to highest round):")
    for result in results:
        for ratio in result.ratios:
            if ratio.goal:
                print(f"  {result.key:16} {ratio.what:78} {_verdict(ratio)}")
    for key, reason in failures.items():
        print(f"  {key:16} no figures: {reason}")


def spread(series: Series) -> str:
    """Median with the lowest and the highest round."""
    return f"{number(series.median)} {series.unit} ({number(series.low)} – {number(series.high)})"


def ratio_spread(ratio: Ratio) -> str:
    return f"{number(ratio.median)} ({number(min(ratio.values))} – {number(max(ratio.values))})"


def number(value: float) -> str:
    """Three digits that count, and no exponent."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 0.001 or value == 0 else f"{value:.4f}"


def _verdict(ratio: Ratio) -> str:
    if not ratio.goal:
        return ratio_spread(ratio)
    return f"{ratio_spread(ratio)}   to reach {ratio.goal}: {'reached' if ratio.is_reached else 'NOT REACHED'}"
