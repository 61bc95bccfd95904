"""What a decision is worth."""

from collections.abc import Callable

import numpy as np
import pytest

from rl.reward import REWARDS, SCALE_VEH, Outcome, entering_veh, reward, slowness_veh
from signals.layout import lay_out
from signals.types import Floats, Network, Observation

Sees = Callable[..., Observation]


def _outcome(network: Network, observed: Observation, entering: Floats | None = None) -> Outcome:
    return Outcome(observed, lay_out(network), np.zeros(2) if entering is None else entering)


def test_a_standing_vehicle_loses_all_of_its_speed_and_a_free_one_nothing(network: Network, sees: Sees) -> None:
    seen = sees(((0, 5.0, 0.0), (0, 80.0, 14.0), (1, 50.0, 7.0), (4, 5.0, 0.0)))
    assert slowness_veh(_outcome(network, seen)).tolist() == pytest.approx([1.5, 1.0])


def test_a_vehicle_over_the_limit_earns_nothing(network: Network, sees: Sees) -> None:
    assert slowness_veh(_outcome(network, sees(((0, 5.0, 30.0),)))).tolist() == [0.0, 0.0]


def test_who_waits_outside_counts_as_standing(network: Network, sees: Sees) -> None:
    outcome = _outcome(network, sees(), np.array([3.0, 0.0]))
    assert entering_veh(outcome).tolist() == [3.0, 0.0]
    assert reward(outcome).tolist() == pytest.approx([-3.0 / SCALE_VEH, 0.0])


@pytest.mark.parametrize("name", REWARDS)
def test_every_part_is_nothing_in_an_empty_network_and_only_ever_costs(network: Network, sees: Sees, name: str) -> None:
    part = REWARDS[name].of
    assert part(_outcome(network, sees())).tolist() == [0.0, 0.0]
    crowd = _outcome(network, sees(((0, 5.0, 0.0), (3, 5.0, 0.0))), np.ones(2))
    assert (part(crowd) > 0.0).all()
    assert (reward(crowd) < 0.0).all()
