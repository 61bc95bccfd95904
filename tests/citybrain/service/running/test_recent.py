"""What is remembered of late: greens, counts by the minute, arrivals, forecasts; and never more than fits."""

import numpy as np

from citybrain.service.board import CHANGING
from citybrain.service.recent import GREENS, MINUTES, Recent, forecast_json, mean_counts_veh_h
from signals.layout import lay_out
from signals.types import FlowForecast, Network, Observation


def tick(network: Network, now_s: float, counts_veh: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Observation:
    """An observation that has nothing but counts."""
    n, m, none = len(network.signals), lay_out(network).movements, np.zeros(0)
    return Observation(
        now_s, np.zeros(n, dtype=np.int64), np.ones(n), np.zeros(m), counts_veh, np.zeros(m), np.zeros(m), np.zeros(m),
        none.astype(np.int64), none.astype(np.int64), none, none,
    )  # fmt: skip


def lived(network: Network, seconds: int, every: int = 10) -> Recent:
    """Phases in turn, three seconds between them; one vehicle a second at movement 1 of the second signal."""
    recent, m = Recent(network), lay_out(network).movements
    counts = np.zeros(m)
    counts[lay_out(network).movement_start[1] + 1] = 1.0
    for k in range(seconds):
        phase = k // every % 2
        light = phase + 1 + (CHANGING if k % every < 3 else 0)
        recent.see(tick(network, float(k), counts), np.full(len(network.signals), light, dtype=np.uint8))
    return recent


def test_greens_are_told_from_on_to_off(grid: Network) -> None:
    greens = lived(grid, 45).greens(0, 0.0, 45.0)
    assert greens == [(0, 3.0, 10.0), (1, 13.0, 20.0), (0, 23.0, 30.0), (1, 33.0, 40.0), (0, 43.0, 45.0)]


def test_older_greens_make_room(grid: Network) -> None:
    recent = lived(grid, 3000)
    greens = recent.greens(2, 0.0, 3000.0)
    assert len(greens) <= GREENS // 2 + 1 and greens[-1][2] == 3000.0 and greens == sorted(greens, key=lambda g: g[1])


def test_counts_are_whole_minutes(grid: Network) -> None:
    rows = lived(grid, 200).counts(1, 0.0)
    assert [end_s for end_s, _ in rows] == [60.0, 120.0, 180.0]
    assert [row[1] for _, row in rows] == [60, 60, 60] and sum(map(sum, (row for _, row in rows))) == 180  # type: ignore[arg-type]
    assert mean_counts_veh_h(rows, len(rows[0][1]))[1] == 3600.0


def test_a_sensor_that_said_nothing_counted_nothing_known(grid: Network) -> None:
    recent, m = Recent(grid), lay_out(grid).movements
    for k in range(130):
        recent.see(tick(grid, float(k), np.full(m, np.nan)), np.ones(len(grid.signals), dtype=np.uint8))
    rows = recent.counts(0, 0.0)
    assert len(rows) == 2 and all(c is None for _, row in rows for c in row)
    assert np.isnan(mean_counts_veh_h(rows, len(rows[0][1]))).all()


def test_an_hour_of_minutes_is_kept(grid: Network) -> None:
    recent, m = Recent(grid), lay_out(grid).movements
    for k in range(0, 60 * (MINUTES + 20), 30):
        recent.see(tick(grid, float(k), np.ones(m)), np.ones(len(grid.signals), dtype=np.uint8))
    assert len(recent.counts(0, 0.0)) == MINUTES


def test_arrivals_are_told_by_signal(grid: Network) -> None:
    recent = lived(grid, 30)
    assert recent.arrivals(1, 10.0) == [(float(k), 1) for k in range(10, 30)] and recent.arrivals(0, 0.0) == []


def test_forecasts_are_told_of_the_shard_that_has_the_signal(grid: Network) -> None:
    recent, start = Recent(grid), lay_out(grid).movement_start
    places = np.concatenate([np.arange(start[1], start[2]), np.arange(start[3], start[4])])
    flow = np.arange(places.size, dtype=float)[None, :]
    one = FlowForecast(600.0, 600.0, 900.0, flow, flow, flow, tuple("x" * places.size))
    recent.foresee(600.0, ((places, one),))
    recent.foresee(601.0, ((places, one),))  # too soon after the last one to be kept
    assert recent.forecasts(0) == []
    (found,) = recent.forecasts(3)
    size = int(start[2] - start[1])
    assert found["flow_veh_h"] == [[float(size + k) for k in range(int(start[4] - start[3]))]]
    assert forecast_json(one, np.array([1]))["flow_veh_h"] == [[1.0]]
