"""Flows per movement: closed forms where the counts determine them, sums that hold whatever is counted, and shares that are learnt."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.junctions import Junction, arm_flows, junctions
from forecasting.movements import (
    MEMORY_S,
    STALE_S,
    Learning,
    MovementFlows,
    learned,
    movement_flows,
    prior_belief,
    unlearned,
)
from forecasting.splits import Belief, Counts, Junctions
from signals.types import Floats

BIN_S = 900.0
LEFT, THROUGH, RIGHT = 2, 0, 1
EXIT_OF = {THROUGH: 2, RIGHT: 3, LEFT: 1}  # arms further on, clockwise


def cross(turns: tuple[tuple[int, ...], ...] = ((THROUGH, RIGHT, LEFT),) * 4, lanes: str = "own") -> Junction:
    """A junction of four arms; each movement on its own lane, or `shared`: through with right, left alone."""
    pairs = [(a, turn) for a, own in enumerate(turns) for turn in own]
    leads_to = np.array([[(a + EXIT_OF[t]) % 4 == e for a, t in pairs] for e in range(4)])
    uses = np.eye(len(pairs), dtype=np.bool_)
    if lanes == "shared":
        uses = np.array([[b == a and (u == LEFT) == (t == LEFT) for b, u in pairs] for a, t in pairs if t != RIGHT])
    approaches = sorted({a for a, _ in pairs})
    approach = np.array([approaches.index(a) for a, _ in pairs], dtype=np.int64)
    return Junction(approach, np.array([t for _, t in pairs], dtype=np.int64), leads_to[leads_to.any(axis=1)], uses)


def counted(places: Junctions, flow_veh: Floats) -> Counts:
    """What whole detectors show of these flows; no movement here has more than one lane and exit."""
    lane, exits = np.full(len(flow_veh), -1), np.zeros(len(flow_veh), dtype=np.int64)
    lane[places.part_movement], exits[places.part_movement] = places.part_lane, places.part_exit
    return Counts(
        np.bincount(places.approach, flow_veh, places.approach_start[-1]).astype(np.float64),
        np.bincount(lane, flow_veh, places.lane_start[-1]).astype(np.float64),
        np.bincount(exits, flow_veh, places.exit_start[-1]).astype(np.float64),
    )


def without(counts: Counts, *names: str) -> Counts:
    """The same with some kinds of detector gone."""
    return counts._replace(**{name: np.full_like(getattr(counts, name), np.nan) for name in names})


def equal_belief(places: Junctions) -> Belief:
    """The prior where nobody knows what usually enters."""
    return prior_belief(places, np.full(int(places.approach_start[-1]), np.nan))


def flows_of(places: Junctions, counts: Counts, expected_veh: Floats | None = None) -> MovementFlows:
    return movement_flows(places, counts, equal_belief(places), expected_veh)[0]


FLOWS_VEH = np.array([80.0, 20.0, 10.0, 30.0, 5.0, 25.0, 60.0, 15.0, 0.0, 40.0, 35.0, 3.0])

# --- what the counts determine ---


def test_a_lane_for_each_movement_says_it_all() -> None:
    places = junctions([cross()])
    flows = flows_of(places, without(counted(places, FLOWS_VEH), "approach_veh", "exit_veh"))
    np.testing.assert_allclose(flows.flow_veh, FLOWS_VEH, atol=1e-3)
    assert flows.sd_veh.max() < 0.01


def test_shared_lanes_and_exits_determine_a_cross_together() -> None:
    # Left turns have lanes; of the rest, each exit's three counts leave one unknown, which the right turn of one approach settles.
    places = junctions([cross(((THROUGH, LEFT), (THROUGH, RIGHT, LEFT), (THROUGH, RIGHT, LEFT), (THROUGH, RIGHT, LEFT)), "shared")])
    true_veh = np.delete(FLOWS_VEH, 1)
    flows = flows_of(places, counted(places, true_veh))
    np.testing.assert_allclose(flows.flow_veh, true_veh, atol=1e-3)
    assert flows.sd_veh.max() < 0.01


def test_three_arms_with_one_turn_forbidden_need_approaches_and_exits_only() -> None:
    places = junctions([cross(((THROUGH, LEFT), (LEFT, RIGHT), (THROUGH,)))])
    true_veh = np.array([70.0, 12.0, 30.0, 9.0, 44.0])
    flows = flows_of(places, without(counted(places, true_veh), "lane_veh"))
    np.testing.assert_allclose(flows.flow_veh, true_veh, atol=1e-3)


def test_without_more_than_totals_the_prior_shares_them_out_with_its_own_spread() -> None:
    places = junctions([cross()])
    belief = equal_belief(places)
    total_veh = counted(places, FLOWS_VEH).approach_veh
    flows, _ = movement_flows(places, without(counted(places, FLOWS_VEH), "lane_veh", "exit_veh"), belief)
    entering_veh = total_veh[places.approach]
    np.testing.assert_allclose(flows.flow_veh, entering_veh * belief.shares, rtol=1e-6)
    # A share unsure by C, and chance: var x = T^2 C + T p (1 - p).
    unsure = np.diag(belief.covariance.reshape(12, 12))
    np.testing.assert_allclose(flows.sd_veh**2, entering_veh**2 * unsure + entering_veh * belief.shares * (1 - belief.shares), rtol=1e-4)


# --- counts that do not agree ---


def test_two_counts_of_one_flow_meet_where_poisson_weights_put_them() -> None:
    places = junctions([cross(((THROUGH,),))])
    counts = Counts(np.array([100.0]), np.array([np.nan]), np.array([64.0]))
    flows = flows_of(places, counts)
    assert flows.flow_veh[0] == pytest.approx((100.0 / 100.0 + 64.0 / 64.0) / (1 / 100.0 + 1 / 64.0), rel=1e-4)  # 78.05
    assert flows.misfit.approach_veh[0] == pytest.approx(100.0 - 78.05, abs=0.01)
    assert flows.misfit.exit_veh[0] == pytest.approx(64.0 - 78.05, abs=0.01)


def test_what_all_exits_lack_is_shared_by_all_counts() -> None:
    places = junctions([cross()])
    whole = counted(places, FLOWS_VEH)
    flows = flows_of(places, Counts(whole.approach_veh, np.full_like(whole.lane_veh, np.nan), whole.exit_veh * 0.8))
    # Every count gives way by its variance: entering 323 and leaving 258.4 agree at 2 / (1 / 323 + 1 / 258.4) = 287.1.
    assert flows.flow_veh.sum() == pytest.approx(287.1, abs=0.1)
    np.testing.assert_allclose(flows.misfit.approach_veh / whole.approach_veh, 1.0 - 287.1 / 323.0, atol=1e-3)


def test_a_door_that_is_counted_twice_as_busy_never_makes_another_negative() -> None:
    places = junctions([cross()])
    whole = counted(places, FLOWS_VEH)
    flows = flows_of(places, without(whole._replace(exit_veh=whole.exit_veh * np.array([9.0, 0.0, 1.0, 0.0])), "lane_veh"))
    assert (flows.flow_veh >= 0.0).all() and np.isfinite(flows.flow_veh).all()


# --- dead detectors ---


def test_a_dead_approach_is_what_leaves_less_what_enters_elsewhere() -> None:
    places = junctions([cross()])
    whole = without(counted(places, FLOWS_VEH), "lane_veh")
    dead = whole.approach_veh.copy()
    dead[2] = np.nan
    flows = flows_of(places, whole._replace(approach_veh=dead))
    assert flows.entering_veh[2] == pytest.approx(75.0, abs=0.05)


def test_where_no_count_tells_there_is_no_flow_unless_one_is_expected() -> None:
    places = junctions([cross()])
    counts = without(counted(places, FLOWS_VEH), "lane_veh", "exit_veh")
    dead = counts.approach_veh.copy()
    dead[2] = np.nan
    blind = flows_of(places, counts._replace(approach_veh=dead))
    assert np.isnan(blind.flow_veh[6:9]).all() and np.isnan(blind.sd_veh[6:9]).all() and np.isnan(blind.entering_veh[2])
    assert np.isfinite(np.delete(blind.flow_veh, [6, 7, 8])).all()
    expected = flows_of(places, counts._replace(approach_veh=dead), np.full(4, 50.0))
    assert expected.entering_veh[2] == pytest.approx(50.0)
    assert expected.entering_veh[0] == pytest.approx(110.0)  # what is counted is not overruled
    assert expected.sd_veh[6] > flows_of(places, counts._replace(approach_veh=np.array([110.0, 60.0, 50.0, 78.0]))).sd_veh[6]


def test_a_junction_without_detectors_has_no_flows_and_spoils_no_other() -> None:
    places = junctions([cross(), cross()])
    counts = counted(places, np.concatenate((FLOWS_VEH, FLOWS_VEH)))
    gone = Counts(*(np.where(np.arange(len(c)) < len(c) // 2, np.nan, c) for c in counts))
    flows = flows_of(places, gone)
    assert np.isnan(flows.flow_veh[:12]).all()
    np.testing.assert_allclose(flows.flow_veh[12:], FLOWS_VEH, atol=1e-3)


# --- what holds for any junction and any counts ---

some_flows = st.lists(st.integers(0, 400), min_size=12, max_size=12)
some_silence = st.lists(st.booleans(), min_size=20, max_size=20)


@settings(max_examples=60, deadline=None)
@given(some_flows, some_silence, st.booleans())
def test_sums_hold_and_nothing_is_negative_whatever_is_counted(true_veh: list[int], silent: list[bool], shared: bool) -> None:
    places = junctions([cross(lanes="shared" if shared else "own")])
    whole = counted(places, np.array(true_veh, dtype=float))
    hidden = np.array(silent)
    lane_veh = np.where(np.resize(hidden[8:], len(whole.lane_veh)), np.nan, whole.lane_veh)
    flows = flows_of(places, Counts(whole.approach_veh, lane_veh, np.where(hidden[4:8], np.nan, whole.exit_veh)))
    assert (flows.flow_veh >= 0.0).all()
    np.testing.assert_allclose(np.bincount(places.approach, flows.flow_veh), whole.approach_veh, atol=0.01)
    for misfit_veh in flows.misfit:
        assert np.nanmax(np.abs(misfit_veh), initial=0.0) < 0.05


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 400) | st.just(np.nan), min_size=20, max_size=20))
def test_counts_that_contradict_each_other_still_make_flows_that_add_up(values: list[float]) -> None:
    places = junctions([cross()])
    veh = np.array(values, dtype=float)
    flows = flows_of(places, Counts(veh[:4], veh[8:], veh[4:8]))
    told = np.isfinite(flows.flow_veh)
    assert (flows.flow_veh[told] >= 0.0).all() and (flows.sd_veh[told] >= 0.0).all()
    assert told[np.isfinite(veh[:4])[places.approach]].all()
    entering_veh = np.bincount(places.approach, np.nan_to_num(flows.flow_veh))
    np.testing.assert_allclose(entering_veh[np.isfinite(flows.entering_veh)], flows.entering_veh[np.isfinite(flows.entering_veh)])


def test_ten_times_the_traffic_is_ten_times_every_movement() -> None:
    places = junctions([cross(lanes="shared")])
    counts = counted(places, 10.0 * FLOWS_VEH)
    tenfold = Counts(*(10.0 * c for c in counts))
    np.testing.assert_allclose(flows_of(places, tenfold).flow_veh, 10.0 * flows_of(places, counts).flow_veh, rtol=0.02, atol=5.0)


def test_no_junction_looks_at_another() -> None:
    described = [cross(), cross(((THROUGH, LEFT), (LEFT, RIGHT), (THROUGH, RIGHT))), cross(lanes="shared")]
    rng = np.random.default_rng(3)
    veh = [rng.poisson(40.0, len(j.approach)).astype(float) for j in described]
    together = junctions(described)
    counts = without(counted(together, np.concatenate(veh)), "lane_veh")
    alone = [junctions([j]) for j in described]
    apart = [flows_of(p, without(counted(p, v), "lane_veh")) for p, v in zip(alone, veh, strict=True)]
    np.testing.assert_allclose(flows_of(together, counts).flow_veh, np.concatenate([f.flow_veh for f in apart]), atol=1e-6)


# --- learning ---


def play(places: Junctions, shares: Floats, bins: int, rng: np.random.Generator, before: Learning | None = None) -> tuple[Learning, Floats]:
    """Poisson traffic that turns by fixed shares, entering and leaving counted; what was learnt, and |error| / flow [bin]."""
    learning = unlearned(places) if before is None else before
    wape = np.empty(bins)
    for i in range(bins):
        entering_veh = rng.gamma(4.0, 30.0, int(places.approach_start[-1]))[places.approach]
        true_veh = rng.poisson(entering_veh * shares).astype(float)
        flows, learning = learned(places, learning, without(counted(places, true_veh), "lane_veh"), BIN_S)
        wape[i] = np.abs(flows.flow_veh - true_veh).sum() / true_veh.sum()
    return learning, wape


def odd_shares(places: Junctions, rng: np.random.Generator) -> Floats:
    """Shares far from the prior."""
    weight = rng.gamma(1.0, 1.0, len(places.approach)) + 0.05
    return np.asarray(weight / np.bincount(places.approach, weight)[places.approach])


def test_true_shares_are_found_from_what_enters_and_leaves() -> None:
    rng = np.random.default_rng(11)
    places = junctions([cross()] * 6)
    shares = odd_shares(places, rng)
    learning, wape = play(places, shares, 160, rng)
    assert np.abs(learning.shares - shares).mean() < 0.35 * np.abs(unlearned(places).shares - shares).mean()
    assert wape[-20:].mean() < 0.7 * wape[:4].mean()


def test_shares_that_change_are_followed() -> None:
    rng = np.random.default_rng(12)
    places = junctions([cross()] * 6)
    learning, _ = play(places, odd_shares(places, rng), 80, rng)
    after = odd_shares(places, rng)
    learning, wape = play(places, after, 160, rng, learning)
    assert wape[-20:].mean() < 0.8 * wape[:4].mean()


def test_the_spread_is_as_wide_as_the_errors_are() -> None:
    rng = np.random.default_rng(13)
    places = junctions([cross()] * 200)
    belief = equal_belief(places)
    root = np.linalg.cholesky(belief.covariance.reshape(200, 12, 12) + 1e-12 * np.eye(12))
    shares = np.maximum(belief.shares + np.einsum("jmk,jk->jm", root, rng.standard_normal((200, 12))).ravel(), 1e-3)
    shares /= np.bincount(places.approach, shares)[places.approach]
    true_veh = rng.poisson(150.0 * shares).astype(float)
    flows, _ = movement_flows(places, without(counted(places, true_veh), "lane_veh"), belief)
    covered = (np.abs(true_veh - flows.flow_veh) <= 1.2816 * flows.sd_veh).mean()
    assert 0.75 < covered < 0.9


def test_a_street_where_more_comes_from_draws_more_as_soon_as_that_is_known() -> None:
    places = junctions([cross()])
    entering_veh = np.array([50.0, 50.0, 50.0, 400.0])
    counts = Counts(entering_veh, np.full(12, np.nan), np.full(4, np.nan))
    flows, learning = learned(places, unlearned(places), counts, BIN_S)
    to_busy = arm_flows(places, entering_veh)[:9] == 400.0
    assert (flows.flow_veh[:9][to_busy] > 50.0 * unlearned(places).shares[:9][to_busy] * 1.3).all()
    assert learning.usual_veh_h.tolist() == [200.0, 200.0, 200.0, 1600.0]


def test_the_first_bin_is_judged_by_the_prior_of_what_enters() -> None:
    places = junctions([cross()])
    counts = without(counted(places, FLOWS_VEH), "lane_veh")
    flows, _ = learned(places, unlearned(places), counts, BIN_S)
    alone, _ = movement_flows(places, counts, prior_belief(places, counts.approach_veh * 4.0))
    np.testing.assert_allclose(flows.flow_veh, alone.flow_veh, rtol=1e-6)
    np.testing.assert_allclose(flows.sd_veh, alone.sd_veh, rtol=1e-6)


def test_what_was_learnt_fades_with_the_memory_when_nothing_is_counted() -> None:
    rng = np.random.default_rng(14)
    places = junctions([cross()])
    learning, _ = play(places, odd_shares(places, rng), 60, rng)
    silence = Counts(*(np.full(n, np.nan) for n in (4, 12, 4)))
    # The prior that it returns to is that of what usually enters.
    prior = prior_belief(places, learning.usual_veh_h).shares
    _, after = learned(places, learning, silence, MEMORY_S)
    np.testing.assert_allclose(after.shares - prior, (learning.shares - prior) * np.exp(-1.0), atol=2e-3)
    assert np.diag(after.covariance.reshape(12, 12)).sum() > np.diag(learning.covariance.reshape(12, 12)).sum()


def test_the_last_flow_stands_in_for_an_approach_that_falls_silent_but_not_for_ever() -> None:
    places = junctions([cross()])
    whole = without(counted(places, FLOWS_VEH), "lane_veh", "exit_veh")
    _, learning = learned(places, unlearned(places), whole, BIN_S)
    dead = whole._replace(approach_veh=np.array([np.nan, 60.0, 75.0, 78.0]))
    found = []
    for _ in range(int(STALE_S / BIN_S) + 1):
        flows, learning = learned(places, learning, dead, BIN_S)
        found.append(float(flows.entering_veh[0]))
    assert found[0] == pytest.approx(110.0)
    assert np.isnan(found[-1])
    assert flows.entering_veh[1] == pytest.approx(60.0)


def test_a_restored_state_goes_on_as_if_nothing_had_happened() -> None:
    rng = np.random.default_rng(15)
    places = junctions([cross(lanes="shared")] * 2)
    learning, _ = play(places, odd_shares(places, rng), 5, rng)
    copy = Learning(**{name: np.array(array.tolist()) for name, array in learning._asdict().items()})
    counts = counted(places, np.concatenate((FLOWS_VEH, FLOWS_VEH)))
    one, other = learned(places, learning, counts, BIN_S), learned(places, copy, counts, BIN_S)
    np.testing.assert_array_equal(one[0].flow_veh, other[0].flow_veh)
    np.testing.assert_array_equal(one[1].covariance, other[1].covariance)


def test_three_bins_of_five_minutes_tell_what_one_of_fifteen_does() -> None:
    rng = np.random.default_rng(16)
    places = junctions([cross()])
    thirds = [rng.poisson(FLOWS_VEH / 3.0).astype(float) for _ in range(3)]
    fine = unlearned(places)
    for third_veh in thirds:
        _, fine = learned(places, fine, without(counted(places, third_veh), "lane_veh"), BIN_S / 3.0)
    _, coarse = learned(places, unlearned(places), without(counted(places, np.sum(thirds, axis=0)), "lane_veh"), BIN_S)
    assert np.abs(fine.shares - coarse.shares).max() < 0.1


def test_a_detector_that_is_trusted_less_leaves_more_to_the_prior() -> None:
    places = junctions([cross()])
    belief, counts = equal_belief(places), without(counted(places, FLOWS_VEH), "lane_veh")
    away = [np.abs(movement_flows(places, counts, belief, noise=noise)[0].misfit.exit_veh).sum() for noise in (0.0, 1.0, 10.0)]
    assert away[0] < 1e-3 < away[1] < away[2]
