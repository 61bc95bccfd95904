"""sumo-rl's ways of naming a reward."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("gymnasium", reason="needs the sumo extra")

from rl.lanes import Counts, Lanes
from rl.reward import Outcome
from rl.sumo_rl_arguments import Arguments
from rl.sumo_rl_rewards import rewarded
from rl.sumo_rl_signal import TrafficSignal
from signals.errors import ConfigError
from signals.layout import lay_out
from signals.types import Network


class Known:
    """A signal of which a reward function asks one thing."""

    def get_total_queued(self) -> int:
        """Seven, always."""
        return 7


def seven(signal: Any) -> float:
    """What the function reads from its signal."""
    return -float(signal.get_total_queued())


@pytest.fixture
def outcome(network: Network, sees: Any) -> Outcome:
    at, one = np.array([0, 3, 6]), np.ones(6)
    lanes = Lanes(Counts(at, 100.0 * one, 2.0 * one, one, 5.0 * one), Counts(at, 100.0 * one, one, one, 5.0 * one), one, one)
    return Outcome(sees(), lay_out(network), np.zeros(2), sees(), lanes, lanes)


@pytest.fixture
def registered() -> Iterator[str]:
    TrafficSignal.register_reward_fn(seven)
    yield "seven"
    del TrafficSignal.reward_fns["seven"]


def _worth(
    given: Any, network: Network, outcome: Outcome, weights: Any = None, signals: tuple[str, ...] = ("cross", "fork")
) -> list[float]:
    known: Any = dict.fromkeys(signals, Known())
    one = Arguments("net", "routes", reward_fn=given, reward_weights=weights)
    found: list[float] = rewarded(one, network, known)(outcome).tolist()
    return found


@pytest.mark.parametrize(
    ("given", "worth"),
    [
        ("queue", [-3.0, -3.0]),
        ("pressure", [-3.0, -3.0]),
        ("average-speed", [0.5, 0.5]),
        ("diff-waiting-time", [0.0, 0.0]),
        (seven, [-7.0, -7.0]),
        ({"cross": "queue", "fork": seven}, [-3.0, -7.0]),
    ],
)
def test_a_name_a_function_or_one_for_each_signal(network: Network, outcome: Outcome, given: Any, worth: list[float]) -> None:
    assert _worth(given, network, outcome) == pytest.approx(worth)


def test_a_list_is_weighted(network: Network, outcome: Outcome) -> None:
    assert _worth(["queue", seven], network, outcome, weights=[1.0, 0.5]) == pytest.approx([-6.5, -6.5])


def test_a_registered_function_has_a_name(network: Network, outcome: Outcome, registered: str) -> None:
    assert _worth(registered, network, outcome) == [-7.0, -7.0]
    with pytest.raises(KeyError, match="seven already exists"):
        TrafficSignal.register_reward_fn(seven)


@pytest.mark.parametrize(
    ("given", "weights", "said"),
    [
        ("quue", None, "did you mean 'queue'"),
        (3, None, "no such reward"),
        ({"cross": "queue"}, None, "expected one for each of cross, fork"),
        (["queue"], None, "none for a list of 1 rewards"),
        (["queue"], [1.0, 2.0], "2 for a list of 1 rewards"),
    ],
)
def test_what_names_no_reward_is_one_sentence(network: Network, outcome: Outcome, given: Any, weights: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        _worth(given, network, outcome, weights)
