"""Advice is put forward where it is worth a look, once, and only where it was asked for."""

from pathlib import Path

import numpy as np
import pytest

from citybrain.assemble import planner
from citybrain.forecasts import movement_names
from citybrain.service.adviser import EVERY_S, WHO, advice
from citybrain.service.desk import Approve, Mode, SetMode
from citybrain.service.orders import repeating
from citybrain.service.service import CityService, Plant, Upkeep
from citybrain.service.street import Stepped
from forecasting.online import OnlineForecaster
from signals.rules import RULES, envelope
from signals.types import Network
from sumo_nets.scenario import check, scenario
from sumo_nets.session import start

RULE = RULES["resco"]


def test_a_plan_far_too_long_for_its_flows_is_worth_a_change(grid: Network) -> None:
    signal = grid.signals[0]
    slow = repeating(signal, tuple((s.phase, 100.0) for s in signal.base.stages), 0.0, 0.0, np.inf)
    flow_veh_h = np.full(len(signal.movements), 60.0)
    found = advice(signal, envelope(signal, RULE), flow_veh_h, slow)
    assert found is not None and sum(g for _, g in found.stages) < 200.0
    assert "instead of" in found.reason and "computed" in found.reason


@pytest.mark.parametrize("flow_veh_h", [0.0, np.nan])
def test_without_traffic_there_is_nothing_to_advise(grid: Network, flow_veh_h: float) -> None:
    signal = grid.signals[0]
    assert advice(signal, envelope(signal, RULE), np.full(len(signal.movements), flow_veh_h), signal.base) is None


def test_the_best_plan_needs_no_advice(grid: Network) -> None:
    signal, limit = grid.signals[0], envelope(grid.signals[0], RULE)
    flow_veh_h = np.full(len(signal.movements), 80.0)
    slow = repeating(signal, tuple((s.phase, 100.0) for s in signal.base.stages), 0.0, 0.0, np.inf)
    best = advice(signal, limit, flow_veh_h, slow)
    assert best is not None
    assert advice(signal, limit, flow_veh_h, repeating(signal, best.stages, 0.0, 0.0, np.inf)) is None


@pytest.mark.sumo
def test_advice_waits_for_an_engineer_in_advise_mode_only(grid: Network, tmp_path: Path) -> None:
    street = Stepped(start(check(scenario("grid_2x2")), 101), grid)
    plant = Plant(grid, RULE, street, planner, lambda n: OnlineForecaster(movement_names(n), recalls=2))
    service, name = CityService(plant, Upkeep(tmp_path, "max_pressure")), grid.signals[1].id
    try:
        service.submit(SetMode(Mode.ADVISE, (name,)), "Ann")
        for _ in range(int(2 * EVERY_S) + 20):
            service.follow_orders()
            service.tick(street.now_s)
            street.wait(street.now_s + 1.0, 1.0)
        (one,) = service.orders.proposals.values()
        assert (one.signal, one.by) == (name, WHO)
        assert service.engine is not None and service.engine.plan_of(1).plan is grid.signals[1].base
        service.submit(Approve(one.number), "Ann")
        for _ in range(30):
            service.follow_orders()
            service.tick(street.now_s)
            street.wait(street.now_s + 1.0, 1.0)
        assert service.engine.plan_of(1).plan.repeats and service.engine.plan_of(1).plan is not grid.signals[1].base
        assert service.stored_plans(name, 1)[0].by == "Ann"
    finally:
        service.stop()
