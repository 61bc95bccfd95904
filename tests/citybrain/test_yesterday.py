"""Claims about the run that earlier days are made from: real counts, in a process of its own, the same every time."""

from dataclasses import replace

import numpy as np
import pytest

from citybrain.yesterday import seen_yesterday
from signals.errors import LinkError
from signals.rules import RULES
from signals.types import Network, Turn
from sumo_nets.network import read_network
from sumo_nets.scenario import Scenario, scenario

pytestmark = pytest.mark.sumo


@pytest.fixture(scope="module")
def street() -> tuple[Scenario, Network]:
    one = scenario("arterial_5")
    one = replace(one, end_s=one.begin_s + 300.0)
    return one, read_network(one.net, RULES["resco"])


def test_every_detector_counts_whole_vehicles_and_crossings_have_none(street: tuple[Scenario, Network]) -> None:
    seen_veh = seen_yesterday(*street)
    crossing = np.array([m.turn is Turn.CROSSING for s in street[1].signals for m in s.movements])
    assert np.isnan(seen_veh[crossing]).all()
    assert (seen_veh[~crossing] == np.round(seen_veh[~crossing])).all()
    assert seen_veh[~crossing].sum() > 100.0


def test_the_same_run_counts_the_same(street: tuple[Scenario, Network]) -> None:
    np.testing.assert_array_equal(seen_yesterday(*street), seen_yesterday(*street))


def test_a_run_that_fails_is_one_error(street: tuple[Scenario, Network], capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(LinkError, match=r"arterial_5: the run that earlier days are made from failed"):
        seen_yesterday(replace(street[0], routes=(street[0].net.with_name("nowhere.rou.xml"),)), street[1])
    capfd.readouterr()  # the child's own words
