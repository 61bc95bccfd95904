"""The statistics against cases worked by hand, scipy's quantiles, and the coverage that a 95 % interval promises."""

from collections.abc import Callable
from math import isnan, log
from typing import Any

import numpy as np
import pytest

from benchmarks import compare
from signals.errors import ConfigError
from signals.metrics import METRICS

MakeRow = Callable[..., dict[str, Any]]


def test_the_mean_of_two_runs_lies_surely_between_them() -> None:
    # Resamples of (0, 2) have the means 0, 1, 2 with 1/4, 1/2, 1/4: any tail under 1/4 ends at the runs themselves.
    assert compare.mean_interval(np.array([0.0, 2.0])) == (1.0, 0.0, 2.0)


def test_one_run_has_a_mean_and_no_interval() -> None:
    mean, low, high = compare.mean_interval(np.array([7.0]))
    assert mean == 7.0
    assert isnan(low)
    assert isnan(high)


def test_equal_runs_have_an_interval_without_width() -> None:
    assert compare.mean_interval(np.full(10, 3.0)) == pytest.approx((3.0, 3.0, 3.0))


def test_an_unknown_run_makes_mean_and_interval_unknown() -> None:
    assert all(isnan(v) for v in compare.mean_interval(np.array([1.0, np.nan, 3.0])))


@pytest.mark.parametrize("freedom", [4, 9, 29])
def test_students_quantile_equals_scipys(freedom: int) -> None:
    stats = pytest.importorskip("scipy.stats", reason="scipy is the oracle here")
    assert compare.student_quantile(0.025, freedom) == pytest.approx(stats.t.ppf(0.025, freedom), rel=2e-3)


def test_the_tail_is_wider_for_few_runs_and_nears_the_plain_one_for_many() -> None:
    assert compare.tail(3) < compare.tail(10) < compare.tail(1000) < 0.025
    assert compare.tail(1000) == pytest.approx(0.025, rel=0.02)


def test_of_ten_runs_the_interval_holds_the_truth_about_95_times_in_100() -> None:
    samples = np.random.default_rng(7).normal(5.0, 2.0, size=(400, 10))
    found = [compare.mean_interval(sample)[1:] for sample in samples]
    assert 0.92 <= np.mean([low <= 5.0 <= high for low, high in found]) <= 0.98


def test_the_same_runs_give_the_same_interval_at_any_time() -> None:
    values = np.array([1.0, 4.0, 2.0, 8.0])
    first = compare.mean_interval(values)
    compare.mean_interval(np.arange(9.0))
    assert compare.mean_interval(values) == first


def test_a_paired_difference_sees_through_the_spread_between_seeds() -> None:
    baseline = np.array([10.0, 30.0, 50.0, 90.0])
    found = compare.paired_difference(baseline - 5.0, baseline)
    assert (found.mean, found.low, found.high) == pytest.approx((-5.0, -5.0, -5.0))
    assert found.percent == pytest.approx(-100.0 * 20.0 / 180.0)
    assert found.percent_low < found.percent < found.percent_high < 0.0
    assert found.pairs == 4


def test_half_of_every_run_is_minus_50_percent_exactly() -> None:
    baseline = np.array([10.0, 30.0, 50.0])
    found = compare.paired_difference(baseline / 2.0, baseline)
    assert (found.percent, found.percent_low, found.percent_high) == pytest.approx((-50.0, -50.0, -50.0))


def test_a_baseline_of_zero_has_no_percentage() -> None:
    found = compare.paired_difference(np.array([1.0, 2.0]), np.zeros(2))
    assert found.mean == 1.5
    assert isnan(found.percent)
    assert isnan(found.percent_low)


def test_the_geometric_mean_of_a_half_and_a_double_is_no_change() -> None:
    ones = np.ones(3)
    change = compare.geometric_change([(ones / 2.0, ones), (2.0 * ones, ones)])
    assert (change.percent, change.low, change.high) == pytest.approx((0.0, 0.0, 0.0), abs=1e-9)
    assert change.scenarios == 2


def test_the_geometric_mean_weighs_scenarios_and_not_seconds() -> None:
    change = compare.geometric_change(
        [(np.array([1.0, 1.0]), np.array([2.0, 2.0])), (np.array([900.0, 900.0]), np.array([1000.0, 1000.0]))]
    )
    assert change.percent == pytest.approx(100.0 * (np.exp((log(0.5) + log(0.9)) / 2.0) - 1.0))


@pytest.mark.parametrize("key", METRICS)
def test_the_worst_seed_is_on_the_bad_side_of_each_metric(key: str) -> None:
    found = compare.estimate(key, {101: 1.0, 102: 3.0, 103: 2.0})
    assert (found.worst, found.worst_seed) == ((3.0, 102) if METRICS[key].better == "lower" else (1.0, 101))
    assert found.mean == 2.0


def test_a_comparison_pairs_by_seed_whatever_the_order_of_the_rows(make_row: MakeRow) -> None:
    rows = [make_row("a", "fixed", s, d) for s, d in ((103, 50.0), (101, 30.0), (102, 40.0))]
    rows += [make_row("a", "clever", s, d) for s, d in ((101, 15.0), (102, 20.0), (103, 25.0))]
    cell = compare.compare(rows, "fixed").cell("a", "clever")
    assert cell is not None
    assert cell.seeds == (101, 102, 103)
    assert cell.differences["delay_s_per_veh"].percent_high == pytest.approx(-50.0)
    assert cell.figures["delay_s_per_veh"].worst_seed == 103


def test_only_seeds_that_both_ran_to_the_end_are_paired(make_row: MakeRow) -> None:
    rows = [make_row("a", "fixed", 101, 10.0), make_row("a", "fixed", 102, 90.0), make_row("a", "clever", 101, 8.0)]
    rows.append({**make_row("a", "clever", 102), "error": {"kind": "LinkError", "sentence": "SUMO hangs", "text": ""}})
    found = compare.compare(rows, "fixed")
    cell = found.cell("a", "clever")
    assert cell is not None
    assert cell.differences["delay_s_per_veh"].pairs == 1
    assert cell.differences["delay_s_per_veh"].mean == -2.0
    assert cell.failures == ("seed 102: SUMO hangs",)
    assert found.best("a") == "clever"


def test_a_controller_that_always_failed_has_no_figures(make_row: MakeRow) -> None:
    broken = {**make_row("a", "clever", 101), "error": {"kind": "LinkError", "sentence": "SUMO hangs", "text": ""}}
    found = compare.compare([make_row("a", "fixed", 101), broken], "fixed")
    cell = found.cell("a", "clever")
    assert cell is not None
    assert cell.figures == {}
    assert found.best("a") is None
    assert found.overall["clever"] == {}


def test_violations_are_added_up(make_row: MakeRow) -> None:
    rows = [make_row("a", "fixed", seed, safety_violations=2) for seed in (101, 102)]
    cell = compare.compare(rows, "fixed").cell("a", "fixed")
    assert cell is not None
    assert cell.safety_violations == 4


def test_a_baseline_that_was_not_run_is_one_clear_error(make_row: MakeRow) -> None:
    with pytest.raises(ConfigError, match=r"'webster' is not among the controllers \(fixed\)"):
        compare.compare([make_row("a", "fixed", 101)], "webster")


def test_the_summary_names_the_unit_of_every_metric(make_row: MakeRow) -> None:
    found = compare.summary(compare.compare([make_row("a", "fixed", 101)], "fixed"), {"date": "today"})
    assert found["meta"] == {"date": "today"}
    assert found["metrics"]["delay_s_per_veh"] == {
        "title": "delay",
        "title_zh": "平均延误",
        "unit": "s/veh",
        "better": "lower",
    }
    assert found["cells"][0]["figures"]["delay_s_per_veh"]["mean"] == 20.0
