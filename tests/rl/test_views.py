"""What an agent can see."""

from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("gymnasium", reason="needs the sumo extra")

from rl import features
from rl.lanes import Counts, Lanes
from rl.views import VIEWS, Ground, Moment, View, view_of
from signals.errors import ConfigError
from signals.layout import lay_out
from signals.types import Network, Observation, SafetyEnvelope

Sees = Callable[..., Observation]


@pytest.fixture
def moment(network: Network, limits: tuple[SafetyEnvelope, ...], sees: Sees) -> Moment:
    """Two cars of 5 m on each stop lane of 100 m, one of them standing; `cross` is green for 3 s, `fork` for 20 s in phase 2."""
    at, one = np.array([0, 3, 6]), np.ones(6)
    lanes = Lanes(Counts(at, 100.0 * one, 2.0 * one, one, 5.0 * one), Counts(at, 100.0 * one, one, one, 5.0 * one), one, one)
    observed = sees(
        ((4, 5.0, 0.0),),
        phase=np.array([0, 2]),
        age_s=np.array([3.0, 20.0]),
        wait_s=np.array([0, 0, 0, 0, 30.0, 0]),
        counts_veh=np.array([0, 0, 0, 0, 5.0, np.nan]),
    )
    rows = np.zeros((2, 3, features.WIDTH), dtype=np.float32)
    return Moment(Ground(network, limits, lay_out(network)), observed, np.ones((2, 3), dtype=np.bool_), rows, lanes)


@pytest.mark.parametrize("view", VIEWS.values(), ids=lambda v: v.name)
def test_every_view_says_what_it_is_and_lies_in_its_space(moment: Moment, view: View) -> None:
    assert all(getattr(view, field) for field in ("name", "axes", "unit", "scale", "about"))
    for signal in range(2):
        assert view.seen(moment, signal) in view.space(moment.ground, signal)


@pytest.mark.parametrize(
    ("name", "cross", "fork"),
    [
        ("phase", [1, 0], [0, 0, 1]),
        ("min_green", [0], [1]),
        ("age", [0.05], [20 / 60]),
        ("density", [0.15] * 3, [0.15] * 3),
        ("queue", [0.075] * 3, [0.075] * 3),
        ("movements", [[0] * 4] * 3, [[0] * 4, [0.1, 0.5, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0]]),
        ("sumo_rl", [1, 0, 0, *[0.15] * 3, *[0.075] * 3], [0, 0, 1, 1, *[0.15] * 3, *[0.075] * 3]),
    ],
)
def test_a_view_s_values_are_those_worked_out_by_hand(moment: Moment, name: str, cross: list[float], fork: list[float]) -> None:
    np.testing.assert_allclose(VIEWS[name].seen(moment, 0), cross, rtol=1e-6)
    np.testing.assert_allclose(VIEWS[name].seen(moment, 1), fork, rtol=1e-6)


def test_several_names_are_joined_to_one_flat_vector_in_their_order(moment: Moment) -> None:
    both = view_of(("age", "phase"))
    np.testing.assert_allclose(both.seen(moment, 1), [20 / 60, 0, 0, 1], rtol=1e-6)
    assert both.space(moment.ground, 1).shape == (4,)
    assert view_of(("queue", "phase_rows")).reads == {"lanes", "rows"}


def test_a_view_handed_in_is_taken_and_held_to_its_shape(moment: Moment) -> None:
    ours = View("ours", "[1]", "s", "1", "now", lambda ground, i: (1,), lambda moment, i: [0.5])
    assert view_of(ours).seen(moment, 0).tolist() == [0.5]
    wrong = View("ours", "[1]", "s", "1", "now", lambda ground, i: (2,), lambda moment, i: [0.5])
    with pytest.raises(ConfigError, match=r"'ours': gave shape \(1,\); expected \(2,\)"):
        wrong.seen(moment, 0)


@pytest.mark.parametrize(
    ("choice", "said"),
    [("rows", "did you mean 'phase_rows'"), ((), "expected a name"), (("phase", "agge"), "did you mean 'age'")],
)
def test_a_choice_that_means_no_view_is_one_sentence(choice: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        view_of(choice)


@pytest.mark.parametrize(("name", "said"), [("phase_rows", "without rows"), ("queue", "stop lanes")])
def test_a_view_whose_moment_is_incomplete_says_so(moment: Moment, name: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        VIEWS[name].seen(Moment(moment.ground, moment.observed, moment.may), 0)
