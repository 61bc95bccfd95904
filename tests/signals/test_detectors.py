"""Claims about which detectors fall silent."""

import pytest

from signals.errors import ConfigError
from signals.links.detectors import Detector, Way, silent_detectors

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
