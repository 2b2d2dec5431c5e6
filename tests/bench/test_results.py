from __future__ import annotations

from pathlib import Path

import pytest

from bench.results import Curve, Ratio, Result, Series, load_results, ratios, save_results


@pytest.mark.parametrize(
    ("ratio", "is_reached"),
    [
        (Ratio("a", [15, 16, 30], at_least=16), True),
        (Ratio("a", [15, 15.9, 30], at_least=16), False),
        (Ratio("a", [0.1, 1.5, 9], at_most=1.5), True),
        (Ratio("a", [0.1, 1.51, 9], at_most=1.5), False),
        (Ratio("a", [0.1]), True),
    ],
)
def test_a_figure_is_reached_by_its_median(ratio: Ratio, is_reached: bool) -> None:
    assert ratio.is_reached is is_reached


def test_a_ratio_is_formed_round_by_round() -> None:
    assert ratios([10, 30], [5, 10]) == [2, 3]


def test_results_are_kept_for_a_page_written_later(tmp_path: Path) -> None:
    result = Result(
        "key", "title", "how",
        [Series("chat", "messages a second", "/s", [1.0, 2.0])],
        [Ratio("chat / other", [2.0, 3.0], at_least=1)],
        [Curve("growth", "x", "y", [(0, [1.0, 2.0])])],
        ["a remark"],
    )  # fmt: skip
    path = tmp_path / "results.json"
    save_results(path, {"processor": "one"}, [result])
    machine, (loaded,) = load_results(path)
    assert machine == {"processor": "one"}
    assert loaded.series == result.series
    assert loaded.ratios == result.ratios
    assert [(x, list(values)) for x, values in loaded.curves[0].points] == [(0, [1.0, 2.0])]
    assert loaded.remarks == ["a remark"]
