"""What a tick looks like from outside, when the street is well, silent, or of another time."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from citybrain.assemble import planner
from citybrain.forecasts import movement_names
from citybrain.service.board import HEALTHS
from citybrain.service.desk import Mode
from citybrain.service.orders import Orders
from citybrain.service.pulse import SLOW_S, automatic_signals, modes_of
from citybrain.service.service import CityService, Plant, Upkeep
from citybrain.service.street import SILENT, Stepped
from forecasting.online import OnlineForecaster
from signals.rules import RULES
from signals.types import Network, Observation
from sumo_nets.scenario import check, scenario
from sumo_nets.session import start

pytestmark = pytest.mark.sumo
Ticked = Callable[[CityService, int], None]


def test_a_silent_street_is_shown_as_silent_and_alarmed(serving: CityService, ticked: Ticked) -> None:
    ticked(serving, 5)
    watcher = serving.board.subscribe()
    watcher.get()
    serving.pulse.quiet(serving.now_s, "its clock stands")
    event = watcher.get()
    latest = serving.board.latest()
    assert latest is not None and (latest.health == SILENT).all() and HEALTHS[SILENT] == "silent"
    assert event is not None and b"its clock stands" in event
    ticked(serving, 1)
    assert not serving.alarms_raised.as_json() and (serving.fitness.health == 0).all()


class Shifted(Stepped):
    """A street whose clock can be set."""

    shift_s = 0.0

    @property
    def now_s(self) -> float:
        """SUMO's time, and the shift."""
        return self.session.now_s + self.shift_s

    def wait(self, after_s: float, timeout_s: float) -> float:
        """In SUMO's time."""
        return super().wait(after_s - self.shift_s, timeout_s)

    def observe(self, now_s: float) -> Observation:
        """In its own time."""
        return replace(super().observe(now_s - self.shift_s), now_s=now_s)


@pytest.mark.parametrize("jump_s", [-7200.0, -86400.0, 86400.0])
def test_a_clock_that_jumps_makes_the_service_begin_anew_and_go_on(grid: Network, tmp_path: Path, jump_s: float, ticked: Ticked) -> None:
    street = Shifted(start(check(scenario("grid_2x2")), 101), grid)
    plant = Plant(grid, RULES["resco"], street, planner, lambda n: OnlineForecaster(movement_names(n), recalls=2))
    service = CityService(plant, Upkeep(tmp_path, "rolling_horizon", Mode.AUTOMATIC))
    try:
        ticked(service, 130)
        assert len(service.state.minutes) == 2
        street.shift_s = jump_s
        jumped_s = street.now_s
        ticked(service, 115)  # ten seconds of a minute, and a whole one
        assert service.failed is None and service.state.tick is not None and service.state.tick.now_s == jumped_s + 114.0
        assert len(service.state.minutes) == 1 and all(m.ends_s > jumped_s for m in service.state.minutes)
        greens = service.recent.greens(0, -np.inf, street.now_s)
        assert greens and all(on_s >= jumped_s for _, on_s, _ in greens)
        assert service.engine is not None and any(service.engine.plan_of(i).plan is not s.base for i, s in enumerate(grid.signals))
    finally:
        service.stop()


class Blind(Stepped):
    """A street some of whose sensors fall silent."""

    share = 0.25

    def observe(self, now_s: float) -> Observation:
        """Without the first of them."""
        seen = super().observe(now_s)
        queue_veh = seen.queue_veh.copy()
        queue_veh[:: round(1.0 / self.share)] = np.nan
        return replace(seen, queue_veh=queue_veh)


def test_sensors_silent_all_over_the_city_are_one_alarm(grid: Network, tmp_path: Path, ticked: Ticked) -> None:
    street = Blind(start(check(scenario("grid_2x2")), 101), grid)
    service = CityService(
        Plant(grid, RULES["resco"], street, planner, lambda n: OnlineForecaster(movement_names(n), recalls=2)), Upkeep(tmp_path, "gap_out")
    )
    try:
        ticked(service, 5)
        assert [a["kind"] for a in service.alarms_raised.as_json()] == ["sensors"]
        street.share = 0.02
        ticked(service, 2)
        assert not service.alarms_raised.as_json()
    finally:
        service.stop()


def test_a_slow_tick_is_told(serving: CityService, ticked: Ticked) -> None:
    ticked(serving, 3)
    serving.pulse.took(SLOW_S + 1.0, 5.0)
    assert [a["kind"] for a in serving.alarms_raised.as_json()] == ["slow"]
    serving.pulse.took(0.1, 6.0)
    assert not serving.alarms_raised.as_json() and serving.state.slowest_s > SLOW_S


def test_modes_are_told_by_signal(grid: Network) -> None:
    names = [s.id for s in grid.signals]
    orders = Orders("x", Mode.AUTOMATIC, {names[1]: Mode.OBSERVE})
    assert [list(Mode)[k] for k in modes_of(orders, names)] == [Mode.AUTOMATIC, Mode.OBSERVE, Mode.AUTOMATIC, Mode.AUTOMATIC]
    assert automatic_signals(orders, names) == 3
