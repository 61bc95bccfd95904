"""Reading the stop lanes, from a simulation that is written down."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rl.lanes import LaneReader, exits_of, signal_metrics, system_metrics
from signals.types import Network


class Written:
    """A simulation in three tables: vehicle -> (lane, speed, waiting now, waiting in all)."""

    def __init__(self, vehicles: dict[str, tuple[str, float, float, float]]) -> None:
        self.vehicles = vehicles
        on = self._on
        self.lane = SimpleNamespace(
            getLength=lambda lane: 75.0,
            getLastStepVehicleIDs=on,
            getLastStepVehicleNumber=lambda lane: len(on(lane)),
            getLastStepHaltingNumber=lambda lane: sum(self.vehicles[v][1] < 0.1 for v in on(lane)),
            getLastStepLength=lambda lane: 5.0 if on(lane) else 0.0,
        )
        self.vehicle = SimpleNamespace(
            getIDList=lambda: list(self.vehicles),
            getSpeed=lambda v: self.vehicles[v][1],
            getAllowedSpeed=lambda v: 10.0,
            getWaitingTime=lambda v: self.vehicles[v][2],
            getAccumulatedWaitingTime=lambda v: self.vehicles[v][3],
        )

    def _on(self, lane: str) -> list[str]:
        return [v for v, row in self.vehicles.items() if row[0] == lane]


@pytest.fixture
def written() -> Any:
    return Written({"a": ("cross_in_0", 0.0, 8.0, 12.0), "b": ("cross_in_0", 5.0, 0.0, 3.0), "c": ("fork_out_1", 10.0, 0.0, 0.0)})


def test_lanes_are_counted_signal_by_signal(network: Network, written: Any) -> None:
    seen = LaneReader(written, network).read()
    assert seen.stop.present_veh.tolist() == [2, 0, 0, 0, 0, 0]
    assert seen.stop.halting_veh.tolist() == [1, 0, 0, 0, 0, 0]
    assert seen.stop.density()[0] == pytest.approx(2 * 7.5 / 75.0)
    assert seen.stop.queue()[0] == pytest.approx(7.5 / 75.0)
    assert seen.per_signal(seen.waited_s).tolist() == [15.0, 0.0]
    assert seen.average_speed().tolist() == [0.25, 1.0]
    assert seen.pressure_veh().tolist() == [-2.0, 1.0]


def test_what_a_vehicle_stood_on_another_lane_is_not_counted_again(network: Network, written: Any) -> None:
    reader = LaneReader(written, network)
    reader.read()
    written.vehicles["a"] = ("fork_in_2", 0.0, 4.0, 16.0)
    seen = reader.read()
    assert seen.waited_s.tolist() == [3.0, 0.0, 0.0, 0.0, 0.0, 4.0]


def test_a_full_lane_is_full_and_not_more(network: Network) -> None:
    crowd = Written({str(k): ("cross_in_1", 0.0, 1.0, 1.0) for k in range(30)})
    assert LaneReader(crowd, network).read().stop.density().max() == 1.0


def test_figures_have_sumo_rl_s_names(network: Network, written: Any) -> None:
    assert system_metrics(written) == {
        "system_total_stopped": 1,
        "system_total_waiting_time": 8.0,
        "system_mean_waiting_time": pytest.approx(8 / 3),
        "system_mean_speed": 5.0,
    }
    figures = signal_metrics(LaneReader(written, network).read(), ("cross", "fork"))
    assert figures["cross_stopped"] == figures["agents_total_stopped"] == 1
    assert figures["cross_accumulated_waiting_time"] == figures["agents_total_accumulated_waiting_time"] == 15.0
    assert figures["fork_average_speed"] == 1.0


def test_an_empty_network_has_figures_too(network: Network) -> None:
    assert set(system_metrics(Written({})).values()) == {0.0}
    assert np.isfinite(list(signal_metrics(LaneReader(Written({}), network).read(), ("cross", "fork")).values())).all()


def test_a_receiving_lane_of_several_links_is_read_once() -> None:
    assert exits_of([("a", "b"), (), ("a",), ("c",)]) == ["a", "c"]
