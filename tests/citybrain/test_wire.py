"""What leaves the process is plain JSON: NaN and infinity are null, phases are counted from 1."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from citybrain.wire import approved_json, finite, numbers, plan_json, tick_json
from signals.safety import adopt
from signals.types import ApprovedPlan, FlowForecast, Network, Objection, Observation, Stage, Tick, TimingPlan


def forecast(movements: int) -> FlowForecast:
    """Two bins; the first movement is unknown."""
    flow_veh_h = np.full((2, movements), 360.04)
    flow_veh_h[:, 0] = np.nan
    return FlowForecast(60.0, 60.0, 900.0, flow_veh_h, flow_veh_h - 100.0, flow_veh_h + 100.0, ("profile",) * movements)


def test_what_is_not_a_finite_number_is_null() -> None:
    assert numbers(np.array([1.005, math.nan, math.inf, -0.5]), 1) == [1.0, None, None, -0.5]


def test_tables_of_any_depth_lose_what_json_cannot_say() -> None:
    value = {"a": [1.0, math.nan, {"b": (math.inf, "x", None, True, 3)}]}
    assert finite(value) == {"a": [1.0, None, {"b": [None, "x", None, True, 3]}]}


def test_a_plan_counts_its_phases_from_one_and_has_no_end_where_it_repeats() -> None:
    plan = TimingPlan("A0", (Stage(0, 30.0), Stage(2, 12.5)), 0.0, math.inf, True, 50.5, 4.0)
    assert plan_json(plan) == {
        "signal": "A0", "stages": [[1, 30.0], [3, 12.5]], "starts_s": 0.0, "valid_until_s": None,
        "repeats": True, "cycle_s": 50.5, "offset_s": 4.0,
    }  # fmt: skip
    assert plan_json(replace(plan, valid_until_s=90.0))["valid_until_s"] == 90.0


def test_objections_travel_with_the_plan_that_stays(grid: Network) -> None:
    approved = adopt(grid, 0.0)[0]
    refused = ApprovedPlan(approved.plan, approved.seal, (Objection("min_green", approved.plan.signal, "too short"),))
    assert approved_json(refused)["objections"] == [{"rule": "min_green", "sentence": "too short"}]


@pytest.mark.parametrize("known", [True, False])
def test_a_tick_goes_through_json_and_back_unchanged(known: bool, grid: Network, seen: Observation) -> None:
    movements = len(seen.queue_veh)
    tick = Tick(60.0, seen, forecast(movements) if known else None, adopt(grid, 0.0))
    said = tick_json(tick, grid)
    assert json.loads(json.dumps(said, allow_nan=False)) == said
    assert said["signals"] == [s.id for s in grid.signals]
    assert said["phase"] == (seen.phase + 1).tolist()
    assert said["queue_veh"][0] is None and said["queue_veh"][1] == seen.queue_veh[1]
    assert len(said["plans"]) == len(grid.signals)
    if known:
        assert said["forecast"]["flow_veh_h"][0][:2] == [None, 360.0]
        assert np.shape(said["forecast"]["high_veh_h"]) == (2, movements)
    else:
        assert said["forecast"] is None
