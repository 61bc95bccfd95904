"""What a run is judged by: the corner cases that a metric must survive, and the file it is read from."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from signals import metrics
from signals.errors import ScenarioError
from signals.metrics import METRICS, Trips, measure, read_trips

NAN = float("nan")
HOUR_S = 3600.0
FREE_S = 60.0
LENGTH_M = 600.0


def trips(rows: Sequence[tuple[float, float, float, float]], end_s: float = HOUR_S) -> Trips:
    """Trips of 600 m and 60 s of free flow from (due, let in, arrived, share of the way driven), all in the way of SUMO."""
    due, depart, arrival, driven = np.array(rows, dtype=float).reshape(-1, 4).T
    inside_s = np.where(np.isnan(depart), 0.0, np.where(np.isnan(arrival), end_s, arrival) - np.nan_to_num(depart))
    return Trips(
        begin_s=0.0,
        end_s=end_s,
        due_s=due,
        depart_s=depart,
        arrival_s=arrival,
        depart_delay_s=np.where(np.isnan(depart), end_s, depart) - due,
        duration_s=inside_s,
        time_loss_s=inside_s - driven * FREE_S,
        length_m=driven * LENGTH_M,
        stops=np.zeros_like(due),
        free_left_s=(1.0 - driven) * FREE_S,
    )


NOBODY = trips([])
FREE = trips([(k, k, k + FREE_S, 1.0) for k in range(0, 3000, 10)])
DELAYED = trips([(k, k + 10.0, k + 10.0 + 2.0 * FREE_S, 1.0) for k in range(0, 3000, 10)])
ALL_RED = trips([(k, k, NAN, 0.0) for k in range(0, 100, 10)] + [(k, NAN, NAN, 0.0) for k in range(100, 3000, 10)])
ENTRY_CLOSED = trips([(k, NAN, NAN, 0.0) for k in range(0, 3000, 10)])


def test_a_free_road_has_index_one_and_no_delay() -> None:
    found = measure(FREE)
    assert (found["congestion_index"], found["delay_s_per_veh"], found["completion"]) == (1.0, 0.0, 1.0)
    assert found["speed_km_h"] == 36.0
    assert found["throughput_veh_h"] == 300.0
    assert found["tomtom_percent"] == 0.0


def test_the_index_is_a_ratio_of_sums_from_the_due_departure() -> None:
    one = trips([(0.0, 30.0, 150.0, 1.0), (0.0, 0.0, 60.0, 1.0)])
    assert metrics.congestion_index(one) == (150.0 + 60.0) / 120.0
    assert metrics.delay_s_per_veh(one) == (60.0 + 30.0) / 2.0
    assert metrics.travel_time_index(one) == (150.0 + 60.0) / 120.0
    assert metrics.speed_km_h(one) == pytest.approx(3.6 * 1200.0 / 210.0)


def test_who_is_not_there_by_the_end_pays_for_the_way_left() -> None:
    half = trips([(3000.0, 3000.0, NAN, 0.5)])
    assert metrics.congestion_index(half) == (600.0 + 2.0 * 30.0) / 60.0


def test_all_red_for_the_hour_is_the_worst_there_is() -> None:
    rest = [measure(one) for one in (FREE, DELAYED)]
    worst = measure(ALL_RED)
    assert worst["completion"] == 0.0
    assert worst["speed_km_h"] == 0.0
    for key, metric in METRICS.items():
        if key not in ("due_veh", "stops_per_veh", "travel_time_index"):
            sign = 1.0 if metric.better == "lower" else -1.0
            assert all(sign * worst[key] > sign * other[key] for other in rest), key


def test_closing_the_entry_gains_nothing() -> None:
    assert metrics.congestion_index(ENTRY_CLOSED) >= metrics.congestion_index(ALL_RED)
    assert metrics.delay_s_per_veh(ENTRY_CLOSED) >= metrics.delay_s_per_veh(ALL_RED)
    assert metrics.undeparted_veh(ENTRY_CLOSED) == metrics.due_veh(ENTRY_CLOSED)
    # Half the vehicles kept out for ten minutes so that the others drive freely: still the wait counts.
    gated = trips([(k, k + 600.0 * (k % 20 > 0), k + FREE_S + 600.0 * (k % 20 > 0), 1.0) for k in range(0, 3000, 10)])
    assert metrics.congestion_index(gated) > metrics.congestion_index(DELAYED)
    assert metrics.delay_s_per_veh(gated) == 300.0


@pytest.mark.parametrize("seed", range(20))
def test_ending_early_gains_nothing(seed: int) -> None:
    """The same trips, seen until the planned end or stopped before: who was on the way then is charged to the planned end."""
    rng = np.random.default_rng(seed)
    due_s = rng.uniform(0.0, 600.0, 50)
    depart_s = due_s + rng.exponential(20.0, 50)
    arrival_s = depart_s + FREE_S + rng.exponential(200.0, 50)
    full = trips([(a, b, c, 1.0) for a, b, c in zip(due_s, depart_s, arrival_s, strict=True)])
    stop_s = 600.0
    driven = np.clip((stop_s - depart_s) / (arrival_s - depart_s), 0.0, 1.0)
    seen = [
        (a, b if b < stop_s else NAN, c if c < stop_s else NAN, d) for a, b, c, d in zip(due_s, depart_s, arrival_s, driven, strict=True)
    ]
    early = replace(trips(seen, end_s=stop_s), end_s=HOUR_S)
    assert metrics.congestion_index(early) >= metrics.congestion_index(full)
    assert metrics.speed_km_h(early) <= metrics.speed_km_h(full)
    assert metrics.throughput_veh_h(early) <= metrics.throughput_veh_h(full)


def test_without_a_vehicle_the_index_is_one() -> None:
    found = measure(NOBODY)
    assert found.pop("speed_km_h") != found.pop("completion") == 1.0  # a speed of nobody is not a number
    assert {key for key, value in found.items() if value == 1.0} == {"congestion_index", "travel_time_index"}
    assert all(value in (0.0, 1.0) for value in found.values())


def test_an_unknown_rest_of_the_way_makes_the_index_unknown() -> None:
    unknown = replace(ALL_RED, free_left_s=np.full(ALL_RED.due_s.size, NAN))
    assert np.isnan(metrics.congestion_index(unknown))
    assert not np.isnan(metrics.delay_s_per_veh(unknown))


@pytest.mark.parametrize("key", METRICS)
def test_every_metric_names_itself_and_points_the_right_way(key: str) -> None:
    metric = METRICS[key]
    assert metric.key == key
    assert metric.title and metric.title_zh and not metric.title_zh.isascii()
    worse, better = metric.function(ALL_RED), metric.function(FREE)
    if key == "travel_time_index":  # knows only who moved
        assert np.isnan(worse) and better == 1.0
    elif key not in ("due_veh", "stops_per_veh"):
        assert (worse > better) == (metric.better == "lower")


HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<!-- a run -->\n<tripinfos>\n'
ROW = (
    '<tripinfo id="{id}" depart="{depart}" departDelay="{wait}" arrival="{arrival}" duration="{duration}" '
    'routeLength="{length}" waitingTime="0" waitingCount="{stops}" timeLoss="{loss}"/>\n'
)
ROWS = (
    ROW.format(id="a", depart="10.00", wait="2.00", arrival="80.00", duration="70.00", length="600", stops=1, loss="10.13")
    + '<personinfo id="p" depart="0" type="x"/>\n'
    + ROW.format(id="b", depart="3500.00", wait="0.00", arrival="-1", duration="100.00", length="200", stops=3, loss="80.2")
    + ROW.format(id="c", depart="-1", wait="1600.00", arrival="-1", duration="0", length="5.10", stops=0, loss="0.00")
)


def written(folder: Path, text: str) -> Path:
    """A tripinfo file of this text."""
    path = folder / "tripinfo.xml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_gives_its_trips_let_in_or_not(tmp_path: Path) -> None:
    found = read_trips(written(tmp_path, HEAD + ROWS + "</tripinfos>"), 0.0, HOUR_S, {"b": 40.0, "c": 60.0})
    np.testing.assert_array_equal(found.due_s, [8.0, 3500.0, 2000.0])
    np.testing.assert_array_equal(found.depart_s, [10.0, 3500.0, NAN])
    np.testing.assert_array_equal(found.arrival_s, [80.0, NAN, NAN])
    np.testing.assert_array_equal(found.length_m, [600.0, 200.0, 0.0])
    np.testing.assert_array_equal(found.free_left_s, [0.0, 40.0, 60.0])
    np.testing.assert_array_equal(found.stops, [1.0, 3.0, 0.0])
    assert metrics.delay_s_per_veh(found) == round((10.13 + 80.2 + 1602.0) / 3, 2)


def test_a_file_without_trips_is_a_legitimate_run(tmp_path: Path) -> None:
    assert measure(read_trips(written(tmp_path, HEAD + "</tripinfos>"), 0.0, HOUR_S, {}))["due_veh"] == 0.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not a complete tripinfo file"),
        (HEAD + ROWS, "not a complete tripinfo file"),
        ("not xml", "not a complete tripinfo file"),
        (HEAD + '<tripinfo id="a" depart="0"/></tripinfos>', "trip 1"),
        (HEAD + ROWS.replace("10.13", "many") + "</tripinfos>", "trip 1"),
        (
            HEAD + ROWS.replace('duration="100.00"', 'duration="50.00"').replace("3500", "1000") + "</tripinfos>",
            "stop at 1050",
        ),
    ],
    ids=["empty", "cut off", "text", "no attributes", "no number", "ended early"],
)
def test_a_broken_file_is_one_clear_error(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ScenarioError, match=said) as caught:
        read_trips(path, 0.0, HOUR_S, {})
    assert str(path) in str(caught.value)


def test_a_missing_file_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="cannot read"):
        read_trips(tmp_path / "none.xml", 0.0, HOUR_S, {})


def random_file(folder: Path, seed: int) -> Path:
    """A tripinfo file with trips of every kind, two digits as SUMO writes them."""
    rng, rows = np.random.default_rng(seed), []
    for k in range(400):
        kind, wait_s, loss_s = rng.integers(0, 5), rng.exponential(5.0), rng.exponential(30.0)
        duration_s = 60.0 + loss_s
        out = {
            "id": k,
            "wait": f"{wait_s:.2f}",
            "loss": f"{loss_s:.2f}",
            "duration": f"{duration_s:.2f}",
            "stops": kind,
        }
        if kind == 0:
            rows.append(ROW.format(**{**out, "depart": -1, "arrival": -1, "length": 5.1, "loss": "0.00", "duration": "0.00"}))
        elif kind == 1:
            rows.append(ROW.format(**out, depart=f"{HOUR_S - duration_s:.2f}", arrival=-1, length=250))
        else:
            depart_s = rng.uniform(0.0, 3000.0)
            rows.append(ROW.format(**out, depart=f"{depart_s:.2f}", arrival=f"{depart_s + duration_s:.2f}", length=600))
    return written(folder, HEAD + "".join(rows) + "</tripinfos>")


@pytest.fixture(scope="module")
def judge() -> Callable[[Path], Mapping[str, float]]:
    """The independent judge of tripinfo files that lies with the measurement data."""
    beside = Path(__file__).resolve().parents[3] / "shared"
    script = Path(os.environ.get("CITYBRAIN_SHARED", beside)) / "yard" / "judge.py"
    if not script.is_file():
        pytest.skip("the measurement data (CITYBRAIN_SHARED, or a folder `shared` beside the repository) is not here")

    def judged(path: Path) -> Mapping[str, float]:
        done = subprocess.run([sys.executable, str(script), str(path)], capture_output=True, text=True, check=True)
        found: Mapping[str, float] = json.loads(done.stdout)
        return found

    return judged


@pytest.mark.shared
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_figures_equal_those_of_the_independent_judge(tmp_path: Path, seed: int, judge: Callable[[Path], Mapping[str, float]]) -> None:
    path = random_file(tmp_path, seed)
    judged, ours = judge(path), measure(read_trips(path, 0.0, HOUR_S, {}))
    assert judged["delay"] == ours["delay_s_per_veh"]
    assert judged["through"] == ours["throughput_veh"]
    assert judged["due"] == ours["due_veh"]
    assert judged["undeparted"] == ours["undeparted_veh"]
    assert judged["tti"] == ours["travel_time_index"]


def test_the_delay_is_the_plain_sum_in_the_order_of_the_file(tmp_path: Path) -> None:
    found = read_trips(random_file(tmp_path, 7), 0.0, HOUR_S, {})
    loss_s = wait_s = 0.0
    for one_s, another_s in zip(found.time_loss_s.tolist(), found.depart_delay_s.tolist(), strict=True):
        loss_s, wait_s = loss_s + one_s, wait_s + another_s
    assert metrics.delay_s_per_veh(found) == round((loss_s + wait_s) / 400, 2)
