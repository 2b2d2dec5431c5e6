"""Draws what was found, as SVG for docs/performance.md."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot

from bench.results import Curve, Series

_OURS, _THEIRS = "#1f6feb", "#8c959f"
_BAR_INCHES, _WIDTH_INCHES = 0.42, 8
_CURVE_COLUMNS, _CURVE_INCHES = 2, 2.8

mpl.use("svg")
mpl.rcParams["svg.hashsalt"] = "chat"  # the same figures give the same file
mpl.rcParams["font.size"] = 10
mpl.rcParams["axes.spines.top"] = mpl.rcParams["axes.spines.right"] = False


def draw_bars(path: Path, title: str, series: Sequence[Series]) -> None:
    """One bar for the median of each, with a line from its lowest to its highest round."""
    names = [each.what for each in series]
    medians = [each.median for each in series]
    spans = [
        [each.median - each.low for each in series],
        [each.high - each.median for each in series],
    ]
    figure, axes = pyplot.subplots(figsize=(_WIDTH_INCHES, 1 + _BAR_INCHES * len(series)), layout="constrained")
    colours = [_OURS if name == "chat" else _THEIRS for name in names]
    axes.barh(names, medians, xerr=spans, color=colours, error_kw={"elinewidth": 1, "capsize": 3})
    axes.invert_yaxis()
    axes.set_title(title, loc="left")
    axes.set_xlabel(f"{series[0].quantity}, {series[0].unit}".removesuffix(", "))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}" if value >= 10 or value == 0 else f"{value:g}")
    _save(path)
    pyplot.close(figure)


def draw_curves(path: Path, curves: Sequence[Curve]) -> None:
    """Each curve in a field of its own, with the span of its rounds."""
    rows = -(-len(curves) // _CURVE_COLUMNS)
    figure, fields = pyplot.subplots(
        rows, _CURVE_COLUMNS, figsize=(_WIDTH_INCHES, _CURVE_INCHES * rows), layout="constrained", squeeze=False
    )
    for axes, curve in zip(fields.flat, curves, strict=False):
        xs = [x for x, _ in curve.points]
        medians = [statistics.median(values) for _, values in curve.points]
        lows, highs = [min(values) for _, values in curve.points], [max(values) for _, values in curve.points]
        axes.set_xscale("symlog" if xs[0] == 0 else "log", **({"linthresh": xs[1]} if xs[0] == 0 else {}))
        axes.fill_between(xs, lows, highs, color=_OURS, alpha=0.2, linewidth=0)
        axes.plot(xs, medians, color=_OURS, marker="o", markersize=4)
        axes.set_xticks(xs, [f"{x:,.0f}" for x in xs], rotation=30, ha="right")
        axes.minorticks_off()
        axes.set_ylim(bottom=0)
        axes.set_title(curve.title, loc="left", fontsize=10)
        axes.set_xlabel(curve.x_label)
        axes.set_ylabel("µs per delivery")
    for axes in list(fields.flat)[len(curves) :]:
        axes.set_visible(False)
    _save(path)
    pyplot.close(figure)


def _save(path: Path) -> None:
    pyplot.savefig(path, metadata={"Date": None, "Creator": None})
