"""Claims about which detectors fall silent."""

import numpy as np
import pytest

from signals.errors import ConfigError
from signals.links.detectors import Detector, Way, dead_exits, exits_of, silent_detectors
from signals.types import Network

TEN = tuple(Detector(f"d{i}", "lane", 100.0, 50.0, 50.0, "advance") for i in range(10))


@pytest.mark.parametrize(("share", "silent"), [(0.0, 0), (0.3, 3), (1.0, 10)])
def test_the_share_of_the_detectors_is_silent(share: float, silent: int) -> None:
    assert silent_detectors(TEN, share, 101).sum() == silent


def test_a_seed_silences_the_same_detectors_again_and_another_seed_others() -> None:
    first = [silent_detectors(TEN, 0.5, seed).tolist() for seed in range(5)]
    assert first == [silent_detectors(TEN, 0.5, seed).tolist() for seed in range(5)]
    assert len({tuple(one) for one in first}) > 1


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_what_is_not_a_share_is_refused(share: float) -> None:
    with pytest.raises(ConfigError, match="from 0 to 1"):
        silent_detectors(TEN, share, 1)


def test_the_distance_to_the_stop_line_counts_the_rest_of_the_lane_and_what_lies_beyond() -> None:
    assert TEN[0].distance_m(Way(0, 12.5), 80.0) == 32.5


def test_movements_are_found_by_their_receiving_lane(pair: Network) -> None:
    found = exits_of(pair)
    assert sorted(found) == [f"{arm}_out_0" for arm in "ensw"]
    # Both junctions name their lanes alike; each lane is entered by three movements of each.
    assert {len(movements) for movements in found.values()} == {6}
    movements = [m for s in pair.signals for m in s.movements]
    assert all(lane in movements[m].exits for lane, ms in found.items() for m in ms)


def test_an_exit_is_dead_when_no_detector_on_it_works(pair: Network) -> None:
    on = tuple(Detector(str(k), lane, 200.0, 20.0, 20.0, "exit") for k, lane in enumerate(("n_out_0", "n_out_0", "e_out_0", "s_out_0")))
    silent = np.array([True, False, True, False])
    assert dead_exits(on, silent, exits_of(pair)) == {"e_out_0", "w_out_0"}
