"""What differs between training episodes."""

from dataclasses import replace
from typing import Any

import pytest

from rl.simulation import Site, site
from rl.variety import Drawn, Variety, varied
from signals.errors import ConfigError
from sumo_nets.scenario import scenario

ALL = Variety((0.8, 1.3), (5.0, 10.0), (2.0, 3.0), ("ideal", "area", "loops"), 0.3)


@pytest.fixture(scope="module")
def grid() -> Site:
    return site(scenario("grid_2x2"))


def test_nothing_varies_unless_asked_for(grid: Site) -> None:
    assert all(Variety().drawn(seed) == Drawn() for seed in range(50))
    assert Drawn().as_given
    assert varied(grid, Drawn(demand=1.2), "resco") is grid


def test_a_draw_is_its_seed_s_and_stays_within_its_ranges() -> None:
    drawn = [ALL.drawn(seed) for seed in range(200)]
    assert drawn == [ALL.drawn(seed) for seed in range(200)]
    assert 0.8 <= min(d.demand for d in drawn) < 0.85
    assert 1.25 < max(d.demand for d in drawn) <= 1.3
    assert {d.decision_s for d in drawn} == {5.0, 10.0}
    assert {d.yellow_s for d in drawn} == {2.0, 3.0}
    assert {d.sensing for d in drawn} == {"ideal", "area", "loops"}
    assert all(d.sensor_faults == 0.0 for d in drawn if d.sensing == "ideal")
    assert 0.2 < max(d.sensor_faults for d in drawn) <= 0.3


def test_switching_one_part_on_moves_no_other() -> None:
    alone = replace(Variety(), demand=(0.8, 1.3))
    assert [alone.drawn(k).demand for k in range(20)] == [ALL.drawn(k).demand for k in range(20)]


def test_a_drawn_timing_is_the_site_s(grid: Site) -> None:
    other = varied(grid, Drawn(decision_s=5.0, yellow_s=2.0), "resco")
    assert other.decision_s == 5.0
    assert other.limits[0].min_green_s[0] == 3.0
    assert other.network.signals[0].yellow_s.max() == 2.0


@pytest.mark.parametrize(
    ("changes", "rules", "words"),
    [
        ({"demand": (1.2, 0.8)}, "resco", "the least and the greatest"),
        ({"demand": (0.0, 1.0)}, "resco", "above 0"),
        ({"decision_s": (5.0,)}, "free", "under rules resco only"),
        ({"yellow_s": (2.0,)}, "street", "follows from the speed"),
        ({"decision_s": (5.0,), "yellow_s": (5.0,)}, "resco", "a yellow above 0 within each interval"),
        ({"sensing": ("radar",)}, "resco", "expected some of ideal"),
        ({"sensor_faults": 1.5}, "resco", "a share from 0 to 1"),
    ],
)
def test_ranges_that_cannot_be_drawn_from_are_one_sentence(changes: dict[str, Any], rules: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        replace(Variety(), **changes).check(rules)
