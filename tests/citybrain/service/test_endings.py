"""Every way in which a green can end is told from the others, skipped phases are seen, and what is not known is not guessed."""

from dataclasses import replace

import numpy as np
import pytest

from citybrain.service.board import CHANGING
from citybrain.service.endings import Split, Under, how, programmed_s, with_skipped
from citybrain.service.recent import Recent
from signals.layout import lay_out
from signals.safety import adopt
from signals.types import Network, Observation, Stage


@pytest.mark.parametrize(
    ("green_s", "programmed", "left_veh", "by_hand", "word"),
    [
        (60.0, None, 3, False, "max_out"),
        (60.0, None, 0, False, "max_out"),
        (30.0, 30.0, 0, False, "force_off"),
        (29.0, 30.0, 4, False, "force_off"),
        (20.0, None, 4, False, "force_off"),
        (20.0, None, 0, False, "gap_out"),
        (20.0, 30.0, 0, False, "gap_out"),
        (20.0, None, None, False, "ended"),
        (30.0, 30.0, None, False, "force_off"),
        (60.0, 30.0, 4, True, "hand"),
    ],
)
def test_a_green_ends_in_one_of_these_ways(
    green_s: float, programmed: float | None, left_veh: int | None, by_hand: bool, word: str
) -> None:
    assert how(green_s, programmed, left_veh, 60.0, by_hand=by_hand) == word


def ended(phase: int) -> Split:
    """A green that ended somehow."""
    return phase, None, 10.0, "gap_out", 0


def test_phases_of_the_base_plan_that_were_passed_over_are_skipped(grid: Network) -> None:
    site = grid.signals[0]
    three = replace(site, base=replace(site.base, stages=(Stage(0, 10.0), Stage(1, 12.0), Stage(2, 14.0))))
    found = with_skipped([ended(1), ended(3), ended(1), ended(3), ended(2)], three)
    assert [(phase, programmed) for phase, programmed, _, word, _ in found if word == "skipped"] == [(2, 12.0), (2, 12.0), (1, 10.0)]
    assert [split[0] for split in found] == [1, 2, 3, 1, 2, 3, 1, 2]
    assert with_skipped([ended(1), ended(1), ended(4), ended(2)], three) == [ended(1), ended(1), ended(4), ended(2)]


class Street:
    """One phase after the other at every signal, of ten seconds with three between them."""

    def __init__(self, network: Network) -> None:
        self.network, self.recent, self.layout = network, Recent(network), lay_out(network)

    def live(self, queue_veh: float, under: Under = Under(), greens: int = 3) -> list[Split]:  # noqa: B008 - frozen
        """Greens that have ended at the first signal, everybody's queue being this all the time."""
        n, m, none = len(self.network.signals), self.layout.movements, np.zeros(0)
        for k in range(13 * greens + 1):
            phase, changes = k // 13 % 2, k % 13 >= 10
            coming = (phase + changes) % 2
            seen = Observation(
                float(k), np.full(n, coming), np.full(n, -1.0 if changes else k % 13), np.full(m, queue_veh), np.zeros(m), np.zeros(m),
                np.zeros(m), np.zeros(m), none.astype(np.int64), none.astype(np.int64), none, none,
            )  # fmt: skip
            self.recent.see(seen, np.full(n, coming + 1 + (CHANGING if changes else 0), dtype=np.uint8), under)
        return self.of(0)

    def of(self, i: int) -> list[Split]:
        """Greens of a signal that have ended; its base plan's other two phases are always skipped."""
        found = self.recent.splits(i, 0.0, 60.0, self.network.signals[i])
        assert [one[0] for one in found if one[3] == "skipped"] == [3, 4]
        return [one for one in found if one[3] != "skipped"]


@pytest.mark.parametrize(("queue_veh", "word"), [(0.0, "gap_out"), (2.0, "force_off"), (np.nan, "ended")])
def test_what_stands_when_the_light_changes_says_how_the_green_ended(grid: Network, queue_veh: float, word: str) -> None:
    found = Street(grid).live(queue_veh)
    assert [(phase, programmed, actual, why) for phase, programmed, actual, why, _ in found] == [
        (1, None, 10.0, word), (2, None, 10.0, word), (1, None, 10.0, word),
    ]  # fmt: skip
    expected = {"gap_out": False, "force_off": True, "ended": None}[word]
    assert all((None if left is None else left > 0) is expected for *_, left in found)


def test_under_a_plan_that_repeats_the_programmed_green_is_known_and_earlier_is_earlier(grid: Network) -> None:
    street = Street(grid)
    found = street.live(0.0, Under(adopt(grid, 0.0)))
    programmed = {stage.phase + 1: stage.green_s for stage in grid.signals[0].base.stages}
    assert [(one[0], one[1]) for one in found] == [(phase, programmed.get(phase)) for phase in (1, 2, 1)]
    assert [one[3] for one in found] == ["force_off" if programmed[phase] <= 11.0 else "gap_out" for phase in (1, 2, 1)]


def test_a_signal_that_a_person_holds_ends_its_greens_by_hand_and_no_other(grid: Network) -> None:
    street = Street(grid)
    assert {one[3] for one in street.live(2.0, Under(by_hand=frozenset({0})))} == {"hand"}
    assert {one[3] for one in street.of(1)} == {"force_off"}


def test_a_plan_made_anew_all_the_time_programmes_nothing(grid: Network) -> None:
    base = grid.signals[0].base
    assert programmed_s(base, base.stages[0].phase) == base.stages[0].green_s
    assert programmed_s(base, 99) is None and programmed_s(replace(base, repeats=False), base.stages[0].phase) is None
