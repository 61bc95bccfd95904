"""One SUMO run as a sequence of decisions."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("libsumo", reason="needs the sumo extra")

from rl.observation import Eyes
from rl.simulation import AskedOnce, NoForecast, Simulation, entry_edges, site
from signals.errors import LinkError
from signals.types import ApprovedPlan, Floats, FlowForecast, Network, Observation
from sumo_nets.scenario import Scenario

Sees = Callable[..., Observation]


class Counted:
    """A link and a forecaster that count how often they are asked."""

    def __init__(self, sees: Sees) -> None:
        self._sees, self.asked, self.heard, self.pushed = sees, 0, 0, 0

    def observe(self, now_s: float) -> Observation:
        self.asked += 1
        return self._sees(now_s=now_s)

    def update(self, now_s: float, counts_veh: Floats) -> FlowForecast | None:
        self.heard += 1
        return None

    def push(self, plans: tuple[ApprovedPlan, ...]) -> None:
        self.pushed += 1

    def release(self) -> None:
        self.pushed -= 1


def test_who_asks_twice_in_a_moment_is_answered_once(sees: Sees) -> None:
    counted = Counted(sees)
    memory = AskedOnce(counted, counted)
    first = memory.observe(10.0)
    assert memory.observe(10.0) is first
    memory.update(10.0, first.counts_veh)
    assert (counted.asked, counted.heard) == (1, 1)
    memory.update(20.0, first.counts_veh)
    assert (counted.asked, counted.heard) == (2, 2)
    memory.push(())
    memory.release()
    assert counted.pushed == 0


def test_an_entry_edge_belongs_to_the_signal_whose_approach_it_is_on(network: Network) -> None:
    edges = entry_edges(network)
    assert edges["cross_in"] == edges["cross_far"] == 0
    assert edges["fork_far"] == 1


@pytest.mark.sumo
def test_decisions_follow_each_other_at_the_rules_interval_until_the_hour_is_over(small: Scenario) -> None:
    where = site(replace(small, end_s=small.begin_s + 35.0))
    run = Simulation(where, Eyes(where.network, where.limits), 1001, NoForecast())
    times = []
    while not run.over:
        times.append(run.now_s - small.begin_s)
        run.decide(np.zeros(4, dtype=np.int64))
    run.close()
    run.close()
    assert times == [0.0, 10.0, 20.0, 30.0]
    assert run.now_s == small.begin_s + 35.0


@pytest.mark.sumo
def test_what_is_wished_for_is_what_runs_at_the_next_decision(small: Scenario) -> None:
    where = site(small)
    run = Simulation(where, Eyes(where.network, where.limits), 1001, NoForecast())
    run.decide(np.array([0, 1, 2, 3]))
    for _ in range(4):
        wanted = (run.observed().phase + 1) % 4
        before = run.observed()
        run.decide(wanted)
        left = before.age_s >= 7.0
        assert run.observed().phase[left].tolist() == wanted[left].tolist()
    run.close()


@pytest.mark.sumo
def test_a_simulation_that_breaks_is_closed_and_says_so(small: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    where = site(small)
    run = Simulation(where, Eyes(where.network, where.limits), 1001, NoForecast())

    def broken() -> float:
        raise LinkError("SUMO ended")

    monkeypatch.setattr(run._session.__class__, "advance", lambda self: broken())
    with pytest.raises(LinkError, match="SUMO ended"):
        run.decide(np.zeros(4, dtype=np.int64))
    assert run._session.closed


@pytest.mark.sumo
def test_who_looks_at_every_step_sees_the_run_that_nobody_looks_at(small: Scenario) -> None:
    where = site(replace(small, end_s=small.begin_s + 60.0))
    seen: list[float] = []
    found = []
    for see in (None, lambda session: seen.append(session.now_s)):
        run = Simulation(where, Eyes(where.network, where.limits), 1001, NoForecast(), see=see)
        gained = []
        while not run.over:
            gained.append(run.decide((run.observed().phase + 1) % 4).tolist())
        found.append((gained, run.rows().tolist(), run.free_flow_left_s()))
        run.close()
    assert seen == [small.begin_s + k for k in range(1, 61)]
    assert found[0][0] == found[1][0]
    assert found[0][1] == found[1][1]


@pytest.mark.sumo
def test_who_waits_outside_counts_for_the_signal_its_first_edge_leads_to(small: Scenario) -> None:
    where = site(replace(small, end_s=small.begin_s + 300.0))
    run = Simulation(where, Eyes(where.network, where.limits), 1001, NoForecast())
    met = 0
    while run.now_s < small.begin_s + 300.0:
        run.decide(np.zeros(4, dtype=np.int64))
        sumo, expected = run._session.sumo, np.zeros(4)
        for vehicle in sumo.simulation.getPendingVehicles():
            signal = entry_edges(where.network).get(sumo.vehicle.getRoute(vehicle)[0])
            if signal is not None:
                expected[signal] += 1.0
        assert run.entering_veh().tolist() == expected.tolist()
        met += int(expected.sum())
    run.close()
    assert met > 0


@pytest.mark.sumo
def test_a_simulator_that_fails_on_the_way_closes_the_run_with_its_own_words(small: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    where = site(small)
    run = Simulation(where, Eyes(where.network, where.limits), 1001, NoForecast())
    real = run._session.sumo.simulation.step

    def fails(until_s: float = 0.0) -> None:
        if until_s > 0.0:
            raise RuntimeError("the net is on fire")
        real(until_s)

    monkeypatch.setattr(run._session.sumo.simulation, "step", fails)
    with pytest.raises(LinkError, match=r"SUMO failed after .* the net is on fire"):
        run.decide(np.zeros(4, dtype=np.int64))
    assert run._session.closed
