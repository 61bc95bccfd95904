"""What is recorded for the pictures: queues by signal, -1 in an intergreen, the busiest movements, each forecast once."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np

from citybrain.recorder import BUSIEST, Recorder
from signals.layout import lay_out
from signals.types import FlowForecast, Network, Observation


def forecast(made_at_s: float, movements: int) -> FlowForecast:
    """Movement m flows m veh/h."""
    flow = np.arange(movements, dtype=np.float64)[None, :]
    return FlowForecast(made_at_s, made_at_s, 900.0, flow, flow - 1.0, flow + 1.0, ("profile",) * movements)


def test_queues_are_summed_by_signal_and_a_silent_sensor_adds_nothing(grid: Network, seen: Observation) -> None:
    recorder = Recorder(grid)
    recorder.see(seen, None)
    trace = recorder.as_json()
    starts = lay_out(grid).movement_start
    expected = [float(np.nansum(seen.queue_veh[a:b])) for a, b in pairwise(starts.tolist())]
    assert trace["queue_veh"] == [expected]
    assert [s["id"] for s in trace["signals"]] == [s.id for s in grid.signals]
    assert len(trace["streets"]) == len(grid.streets)


def test_a_signal_in_its_intergreen_is_in_no_phase(grid: Network, seen: Observation) -> None:
    recorder = Recorder(grid)
    recorder.see(replace(seen, age_s=np.array([-2.0, 0.0, 5.0, -0.5])), None)
    assert recorder.as_json()["phase"] == [[-1, int(seen.phase[1]), int(seen.phase[2]), -1]]


def test_the_busiest_movements_are_kept_with_each_forecast_once(grid: Network, seen: Observation) -> None:
    recorder, movements = Recorder(grid), lay_out(grid).movements
    counts = np.zeros(movements)
    counts[[7, 3, 11, 2, 5]] = [9.0, 8.0, 7.0, 6.0, 1.0]
    first, second = forecast(0.0, movements), forecast(60.0, movements)
    for k, said in enumerate((None, first, first, second)):
        recorder.see(replace(seen, now_s=10.0 * k, counts_veh=counts), said)
    found = recorder.as_json()["detectors"]
    names = [m.id for s in grid.signals for m in s.movements]
    assert [one["movement"] for one in found] == [names[k] for k in (7, 3, 11, 2)] and len(found) == BUSIEST
    assert found[0]["counts_veh"] == [9.0] * 4
    assert [(f["made_at_s"], f["flow_veh_h"], f["rung"]) for f in found[0]["forecasts"]] == [
        (0.0, 7.0, "profile"), (60.0, 7.0, "profile"),
    ]  # fmt: skip


def test_a_trace_is_json_also_where_sensors_are_silent(grid: Network, seen: Observation) -> None:
    recorder = Recorder(grid)
    recorder.see(replace(seen, counts_veh=np.full_like(seen.counts_veh, np.nan)), None)
    trace = recorder.as_json()
    assert json.loads(json.dumps(trace, allow_nan=False)) == trace
