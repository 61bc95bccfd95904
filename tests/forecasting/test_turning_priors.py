"""The prior of turning shares: what the table says, what a big street draws, and what holds for any junction."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.turning_priors import ANY, KINDS, LEFT, QUIET_VEH_H, RIGHT, THROUGH, U_TURN, turning_prior
from signals.types import Floats, Ints

NAMES = {THROUGH: "through", RIGHT: "right", LEFT: "left", U_TURN: "u_turn"}
EVERY_KIND = pytest.mark.parametrize("offered", KINDS, ids=lambda o: "-".join(NAMES[t] for t in sorted(o)))


def one_approach(turns: frozenset[int] | tuple[int, ...], arm_veh_h: float | list[float]) -> Floats:
    """Shares of an approach that offers these turns, in their order."""
    turn = np.array(sorted(turns), dtype=np.int64)
    return turning_prior(turn, np.zeros(len(turn), dtype=np.int64), np.broadcast_to(arm_veh_h, turn.shape).astype(float)).shares


@EVERY_KIND
@pytest.mark.parametrize("arm_veh_h", [0.0, 400.0, np.nan], ids=["empty", "busy", "unknown"])
def test_between_equal_arms_the_shares_are_those_of_the_table(offered: frozenset[int], arm_veh_h: float) -> None:
    weights = np.array([KINDS[offered].weights[t] for t in sorted(offered)])
    np.testing.assert_allclose(one_approach(offered, arm_veh_h), weights / weights.sum())


@EVERY_KIND
def test_an_approach_is_worth_what_its_kind_is_worth(offered: frozenset[int]) -> None:
    turn = np.array(sorted(offered), dtype=np.int64)
    prior = turning_prior(turn, np.zeros(len(turn), dtype=np.int64), np.full(len(turn), np.nan))
    assert prior.concentration_veh.tolist() == [KINDS[offered].concentration_veh]


@EVERY_KIND
def test_a_kinds_weights_add_up_and_leave_out_what_it_does_not_offer(offered: frozenset[int]) -> None:
    kind = KINDS[offered]
    assert sum(kind.weights[:U_TURN]) == pytest.approx(1.0, abs=0.002)
    assert all((kind.weights[t] > 0.0) == (t in offered) for t in (THROUGH, RIGHT, LEFT))
    assert kind.attraction > 0.0 and kind.concentration_veh > 1.0


def test_twice_the_flow_of_an_arm_multiplies_its_odds_by_two_to_the_attraction() -> None:
    arm_veh_h = np.array([300.0, 300.0, 300.0])
    more = arm_veh_h + np.array([0.0, 0.0, 300.0 + QUIET_VEH_H])  # left
    before, after = one_approach((THROUGH, RIGHT, LEFT), arm_veh_h.tolist()), one_approach((THROUGH, RIGHT, LEFT), more.tolist())
    assert after[LEFT] / after[THROUGH] == pytest.approx(before[LEFT] / before[THROUGH] * 2.0**ANY.attraction)
    assert after[RIGHT] / after[THROUGH] == pytest.approx(before[RIGHT] / before[THROUGH])


def test_an_arm_of_unknown_flow_counts_like_the_others_of_its_approach() -> None:
    known, unknown = one_approach((THROUGH, RIGHT, LEFT), [500.0] * 3), one_approach((THROUGH, RIGHT, LEFT), [500.0, np.nan, 500.0])
    np.testing.assert_allclose(unknown, known)


def test_turning_round_is_rare_but_possible() -> None:
    shares = one_approach((THROUGH, RIGHT, LEFT, U_TURN), np.nan)
    assert 0.0 < shares[U_TURN] < 0.01


@pytest.mark.parametrize("turn", [THROUGH, RIGHT, LEFT, U_TURN], ids=NAMES.get)
def test_who_has_one_way_only_takes_it(turn: int) -> None:
    assert one_approach((turn,), 100.0).tolist() == [1.0]


def test_two_lamps_of_one_turn_have_its_share_together() -> None:
    turn: Ints = np.array([THROUGH, RIGHT, THROUGH, LEFT], dtype=np.int64)
    shares = turning_prior(turn, np.zeros(4, dtype=np.int64), np.full(4, 100.0)).shares
    one_lamp = one_approach((THROUGH, RIGHT, LEFT), 100.0)
    np.testing.assert_allclose(shares, [one_lamp[THROUGH] / 2, one_lamp[RIGHT], one_lamp[THROUGH] / 2, one_lamp[LEFT]])


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.floats(0.0, 5000.0) | st.just(np.nan)), min_size=1, max_size=24))
def test_shares_are_positive_and_add_up_on_every_approach(rows: list[tuple[int, int, float]]) -> None:
    turn, label, arm_veh_h = (np.array(column) for column in zip(*rows, strict=True))
    approach = np.unique(label, return_inverse=True)[1]
    offered = np.zeros(approach.max() + 1, dtype=np.int64)
    np.bitwise_or.at(offered, approach, 1 << turn)
    shares = turning_prior(turn, approach, arm_veh_h.astype(float)).shares
    assert (shares > 0.0).all()
    np.testing.assert_allclose(np.bincount(approach, shares), 1.0)
