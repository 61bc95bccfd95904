"""Which stages are worth their lost time: turns of little traffic lose their own green, heavy ones keep it."""

from collections.abc import Callable

import numpy as np
import pytest

from signals.planners.stage_choice import candidates, chosen_stages, isolated_costs, protects
from signals.types import Floats, Network, SafetyEnvelope

Limits = Callable[..., tuple[SafetyEnvelope, ...]]
BASE, TWO = (0, 1, 2, 3), (0, 2)


def flows(through: float, left: float) -> Floats:
    """The same on all four arms [movement]."""
    found = np.zeros(12)
    found[1::3], found[2::3] = through, left
    return found


@pytest.mark.parametrize(
    ("through", "left", "kept"),
    [(200.0, 50.0, True), (400.0, 124.0, True), (400.0, 126.0, False), (1000.0, 300.0, False)],
)
def test_a_turn_needs_its_own_green_by_the_product_of_the_flows(four_arm: Network, through: float, left: float, kept: bool) -> None:
    # One opposing lane: 400 * 125 = 50,000.
    assert protects(four_arm.signals[0], TWO, flows(through, left)) is kept


def test_the_base_plans_stages_come_first_and_every_choice_protects_whom_it_must(four_arm: Network) -> None:
    signal = four_arm.signals[0]
    assert candidates(signal, flows(100.0, 20.0))[0] == BASE
    assert TWO in candidates(signal, flows(100.0, 20.0))
    assert candidates(signal, flows(900.0, 250.0)) == [BASE]


def test_light_turns_do_without_a_stage_and_heavy_ones_keep_theirs(four_arm: Network, limits_of: Limits) -> None:
    signal, limit = four_arm.signals[0], limits_of(four_arm)[0]
    assert chosen_stages(signal, limit, flows(250.0, 30.0), (40, 60)) == (TWO, TWO)
    assert chosen_stages(signal, limit, flows(500.0, 250.0), (60, 90)) == (BASE, BASE)


def test_a_cycle_too_short_for_any_stages_has_none(four_arm: Network, limits_of: Limits) -> None:
    signal, limit = four_arm.signals[0], limits_of(four_arm)[0]
    assert chosen_stages(signal, limit, flows(900.0, 250.0), (30, 90)) == (None, BASE)


def test_fewer_stages_cost_less_where_nobody_turns(four_arm: Network, limits_of: Limits) -> None:
    signal, limit = four_arm.signals[0], limits_of(four_arm)[0]
    few, many = (isolated_costs(signal, limit, phases, flows(300.0, 0.0), (40, 60)) for phases in (TWO, BASE))
    assert (few < many).all()
    assert np.isfinite(many).all()
