"""The nouns are frozen, find their signals, and an approval fits one plan only."""

from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields, is_dataclass, replace
from typing import Any

import numpy as np
import pytest

import signals.types as nouns
from signals.errors import SignalsError, UnsafePlanError
from signals.safety import adopt
from signals.types import ApprovedPlan, Network, Observation, Phase, Seal, Serves, Stage, TimingPlan, Turn

NOUNS = [x for x in vars(nouns).values() if is_dataclass(x) and isinstance(x, type)]


@pytest.mark.parametrize("noun", NOUNS, ids=[noun.__name__ for noun in NOUNS])
def test_every_noun_is_frozen_slotted_and_says_what_it_is(noun: type[Any]) -> None:
    assert noun.__dataclass_params__.frozen
    assert "__slots__" in vars(noun)
    assert noun.__doc__ and not noun.__doc__.startswith(f"{noun.__name__}(")


def test_a_plan_cannot_be_changed_after_it_is_made() -> None:
    plan = TimingPlan("A0", (Stage(0, 10.0),), 0.0, 60.0)
    with pytest.raises(FrozenInstanceError):
        plan.stages = ()  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        plan.stages[0].green_s = 1.0  # type: ignore[misc]


@pytest.mark.parametrize(("signal", "position"), [("W", 0), ("E", 1)])
def test_a_network_finds_its_signals_by_name(signal: str, position: int, pair: Network) -> None:
    assert pair.index(signal) == position


def test_a_network_without_that_signal_says_so(pair: Network) -> None:
    with pytest.raises(KeyError, match="N0"):
        pair.index("N0")


def test_the_intergreen_is_yellow_and_all_red_together(with_crossing: Network) -> None:
    signal = with_crossing.signals[0]
    assert (signal.intergreen_s == signal.yellow_s + signal.all_red_s).all()
    assert (np.diag(signal.intergreen_s) == 0.0).all()
    assert signal.intergreen_s[0, 2] > signal.yellow_s[0, 2] > 0.0


def test_observations_name_their_axes_and_units(four_arm: Network, observe: Callable[..., Observation]) -> None:
    seen = observe(four_arm)
    per_movement = [f.name for f in fields(seen) if f.name in ("queue_veh", "counts_veh", "wait_s", "red_s", "exit_veh")]
    assert [getattr(seen, name).shape for name in per_movement] == [(12,)] * 5
    assert seen.phase.shape == seen.age_s.shape == (1,)


def test_example_junctions_say_the_same_in_lights_and_in_codes(pair: Network, with_crossing: Network) -> None:
    codes = {"G": Serves.PROTECTED, "g": Serves.PERMISSIVE, "r": Serves.NOT, "s": Serves.NOT}
    for signal in (*pair.signals, *with_crossing.signals):
        assert signal.serves.tolist() == [[codes[aspect] for aspect in phase.lights] for phase in signal.phases]
        assert signal.uses.shape == (len(signal.lanes), len(signal.movements))
        assert (signal.conflicts == signal.conflicts.T).all() and not np.diag(signal.conflicts).any()


@pytest.mark.parametrize(
    ("m", "k", "foes"),
    [
        (1, 4, True),
        (1, 7, False),
        (1, 8, True),
        (2, 8, False),
        (0, 4, True),
        (0, 10, False),
        (0, 8, True),
        (2, 4, True),
    ],
)
def test_example_paths_conflict_as_on_a_real_junction(m: int, k: int, foes: bool, four_arm: Network) -> None:
    assert four_arm.signals[0].conflicts[m, k] == foes


@pytest.mark.parametrize("key", [None, object(), "key"])
def test_nothing_but_safety_can_seal_a_plan(key: object) -> None:
    with pytest.raises(UnsafePlanError, match=r"A0: only signals\.safety"):
        Seal(TimingPlan("A0", (Stage(0, 10.0),), 0.0, 60.0), key)


def test_an_approval_fits_no_other_plan(pair: Network) -> None:
    first, second = adopt(pair, 0.0)
    with pytest.raises(UnsafePlanError, match="W: the seal is of another plan"):
        ApprovedPlan(first.plan, second.seal)
    with pytest.raises(UnsafePlanError):
        replace(first, plan=replace(first.plan, stages=(Stage(0, 1.0),)))
    assert replace(first, objections=()).plan is first.plan


def test_errors_have_one_root() -> None:
    assert issubclass(UnsafePlanError, SignalsError)


def test_turns_are_written_as_words() -> None:
    assert [str(turn) for turn in Turn] == ["left", "through", "right", "u_turn", "crossing"]
    assert Phase("NS", "Gr").lights == "Gr"
