"""Claims about learning where a detector's vehicles go."""

import pytest

from signals.links.detectors import Detector, Way
from signals.links.heading import Heading
from signals.links.turning import GOLDEN

FAR = Detector("far", "l_0", 100.0, 10.0, 90.0, "advance", (Way(0, 5.0), Way(1, 5.0, weight=0.25)))


def dealt(heading: Heading, n: int = 400) -> list[int | None]:
    """Where many vehicles are thought to go: a stop lane, or None."""
    ways = [heading.way("far", (0.5 + GOLDEN * i) % 1.0) for i in range(n)]
    return [None if way is None else way.lane for way in ways]


def test_before_anything_is_learned_the_connections_speak_and_nobody_turns_off() -> None:
    found = dealt(Heading([FAR]))
    assert found.count(0) / len(found) == pytest.approx(0.8, abs=0.03)
    assert found.count(None) == 0


def test_shares_follow_those_who_arrived_and_those_who_turned_off() -> None:
    heading = Heading([FAR])
    for i in range(400):
        heading.arrived(["far"], (1, 1, 0, None)[i % 4])
    found = dealt(heading)
    for lane, share in ((1, 0.5), (0, 0.25), (None, 0.25)):
        assert found.count(lane) / len(found) == pytest.approx(share, abs=0.06)
