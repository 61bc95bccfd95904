"""A signal as sumo-rl's users know it."""

from collections.abc import Iterator

import pytest

pytest.importorskip("libsumo", reason="needs the sumo extra")
pytest.importorskip("gymnasium", reason="needs the sumo extra")

from rl.simulation import site
from rl.sumo_rl_signal import DefaultObservationFunction, ObservationFunction, Timing, TrafficSignal
from rl.surface import Parts, Surface
from signals.errors import ConfigError
from sumo_nets.scenario import Scenario

pytestmark = pytest.mark.sumo

TIMING = Timing(10, 3, 7, 50)


@pytest.fixture
def signal(small: Scenario) -> Iterator[TrafficSignal]:
    """A signal whose hour is 80 s old, with a queue before its red lights."""
    surface = Surface(site(small), Parts("sumo_rl", metrics=True))
    one = TrafficSignal(surface, 1, TIMING, DefaultObservationFunction)
    surface.begin(5)
    for _ in range(8):
        surface.go(surface.wanted([0, 0, 0, 0]))
    yield one
    surface.close()


def test_its_figures_are_sumo_s_own(signal: TrafficSignal) -> None:
    lane = signal.sumo.lane
    halting = [lane.getLastStepHaltingNumber(name) for name in signal.lanes]
    assert signal.get_total_queued() == sum(halting) > 0
    present = [lane.getLastStepVehicleNumber(name) for name in signal.lanes]
    leaving = [lane.getLastStepVehicleNumber(name) for name in signal.out_lanes]
    assert signal.get_pressure() == sum(leaving) - sum(present)
    room = [signal.lanes_length[name] / (signal.MIN_GAP + lane.getLastStepLength(name)) for name in signal.lanes]
    assert signal.get_lanes_density() == pytest.approx([n / r for n, r in zip(present, room, strict=True)])
    assert signal.get_lanes_queue() == pytest.approx([n / r for n, r in zip(halting, room, strict=True)])
    assert len(signal.get_out_lanes_density()) == len(signal.out_lanes)
    assert 0.0 < signal.get_average_speed() < 1.0
    assert sum(signal.get_accumulated_waiting_time_per_lane()) > 0.0


def test_its_lanes_and_their_lengths_are_sumo_s(signal: TrafficSignal) -> None:
    assert signal.lanes == list(dict.fromkeys(signal.sumo.trafficlight.getControlledLanes(signal.id)))
    for name, length_m in signal.lanes_length.items():
        assert length_m == signal.sumo.lane.getLength(name)


def test_its_default_observation_is_made_of_its_figures(signal: TrafficSignal) -> None:
    seen = signal.compute_observation()
    n = signal.num_green_phases
    assert seen in signal.observation_space
    assert seen[:n].argmax() == signal.green_phase == 0
    assert seen[n] == 1.0
    assert seen[n + 1 :].tolist() == pytest.approx([*signal.get_lanes_density(), *signal.get_lanes_queue()])
    assert not signal.is_yellow
    assert signal.time_since_last_phase_change == pytest.approx(83.0)


@pytest.mark.parametrize(("asked", "missing"), [("__call__", "no __call__"), ("observation_space", "no observation_space")])
def test_an_observation_class_that_is_not_finished_says_what_it_lacks(signal: TrafficSignal, asked: str, missing: str) -> None:
    with pytest.raises(ConfigError, match=missing):
        getattr(ObservationFunction(signal), asked)()
