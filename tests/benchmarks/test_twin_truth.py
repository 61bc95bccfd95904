"""What SUMO says of a rival: the delay of an episode, measured as everywhere, in a process of its own."""

from dataclasses import replace

import pytest

from benchmarks.rivals import FIXED
from benchmarks.twin_truth import sumo_delay
from rl.simulation import Site, site
from sumo_nets.scenario import scenario

pytestmark = pytest.mark.sumo


@pytest.fixture(scope="module")
def short() -> Site:
    """Three minutes of our 2 x 2 grid."""
    one = scenario("grid_2x2")
    return site(replace(one, end_s=one.begin_s + 180.0))


def test_an_episode_repeats_itself_and_costs_time(short: Site) -> None:
    one, again = (sumo_delay(short, FIXED, 101) for _ in range(2))
    assert one["delay_s_per_veh"] == again["delay_s_per_veh"] > 0.0
    assert one["step_cpu_s"] > 0.0
