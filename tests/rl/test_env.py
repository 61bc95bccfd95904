"""The Gymnasium environment of one signal, over our own small networks."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("libsumo", reason="needs the sumo extra")
gymnasium = pytest.importorskip("gymnasium", reason="needs the sumo extra")

from gymnasium.utils.env_checker import check_env  # noqa: E402

import rl  # noqa: E402
from rl import features  # noqa: E402
from rl.action import ACTIONS  # noqa: E402
from rl.env import SignalEnv  # noqa: E402
from rl.views import VIEWS  # noqa: E402
from signals.errors import ConfigError  # noqa: E402
from sumo_nets.scenario import Scenario  # noqa: E402

pytestmark = pytest.mark.sumo


@pytest.fixture
def env(street: Scenario) -> Iterator[SignalEnv]:
    one = SignalEnv(street)
    yield one
    one.close()


def _played(env: SignalEnv, seed: int) -> tuple[list[float], np.ndarray[Any, Any]]:
    """Rewards of an hour of first allowed phases other than the running one, and the last observation."""
    rows, _ = env.reset(seed=seed)
    rewards, over = [], False
    while not over:
        other = np.flatnonzero(env.action_masks() & (rows[:, features.RUNNING] == 0.0))
        rows, gained, _, over, _ = env.step(int(other[0]) if len(other) else int(rows[:, features.RUNNING].argmax()))
        rewards.append(gained)
    return rewards, rows


@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"observation": "sumo_rl", "action": "hold_or_next", "reward": "diff-waiting-time"},
        {"observation": ("phase", "age", "movements"), "action": "green_s", "reward": {"delay": 1.0, "downstream": 0.3}, "metrics": True},
    ],
    ids=["ours", "sumo-rl", "pieces"],
)
def test_gymnasium_s_own_checker_has_nothing_to_say(small: Scenario, chosen: dict[str, Any]) -> None:
    env = gymnasium.make(rl.ENV_ID, scenario=small, **chosen)
    check_env(env.unwrapped, skip_render_check=True)
    env.close()


@pytest.mark.train
def test_stable_baselines_own_checker_has_nothing_to_say(small: Scenario) -> None:
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    env = SignalEnv(small, observation="sumo_rl")
    checker.check_env(env, skip_render_check=True)
    env.close()


@pytest.mark.parametrize("observation", VIEWS)
@pytest.mark.parametrize("action", ACTIONS)
def test_every_view_goes_with_every_action(small: Scenario, observation: str, action: str) -> None:
    env = SignalEnv(small, observation=observation, action=action)
    seen, info = env.reset(seed=3)
    assert seen in env.observation_space
    assert info["action_mask"].shape == (env.action_space.n,)
    for _ in range(2):
        seen, *_ = env.step(int(env.action_masks().argmax()))
        assert seen in env.observation_space
    env.close()


def test_importing_rl_registers_the_environment_without_torch_or_sumo() -> None:
    code = (
        "import sys\nfor name in ('torch', 'stable_baselines3', 'libsumo', 'traci', 'sumolib'): sys.modules[name] = None\n"
        f"import rl, gymnasium\nassert {rl.ENV_ID!r} in gymnasium.registry"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_same_seed_starts_the_same_and_the_generator_moves_on(env: SignalEnv) -> None:
    first, _ = env.reset(seed=5)
    state = env.np_random.bit_generator.state
    again, _ = env.reset(seed=5)
    np.testing.assert_array_equal(first, again)
    env.reset()
    assert env.np_random.bit_generator.state != state


def test_equal_seeds_are_equal_hours_and_others_are_not(small: Scenario) -> None:
    env = SignalEnv(small, backend="traci")
    first, again, other = (_played(env, seed)[0] for seed in (5, 5, 6))
    env.close()
    assert first == again
    assert first != other


def test_an_hour_ends_by_truncation_after_its_decisions(env: SignalEnv) -> None:
    rewards, rows = _played(env, 5)
    assert len(rewards) == 12
    assert rows in env.observation_space
    assert max(rewards) <= 0.0


def test_the_mask_forbids_what_the_minimum_green_forbids_and_the_rest_is_carried_out(env: SignalEnv) -> None:
    rows, info = env.reset(seed=5)
    for _ in range(6):
        mask = env.action_masks()
        assert info["action_mask"].tolist() == mask.astype(int).tolist()
        assert mask.tolist() == (rows[:, features.ALLOWED] > 0.0).tolist()
        running = int(rows[:, features.RUNNING].argmax())
        wanted = int(np.flatnonzero(mask)[-1])
        rows, *_, info = env.step(wanted)
        assert mask[running]
        assert int(rows[:, features.RUNNING].argmax()) == wanted


def test_figures_are_in_the_info_where_they_are_asked_for(small: Scenario) -> None:
    env = SignalEnv(small, metrics=True)
    _, info = env.reset(seed=1)
    assert info["system_total_stopped"] == 0
    for _ in range(6):
        *_, info = env.step(0)
    env.close()
    assert info["system_mean_speed"] > 0.0
    assert "agents_total_stopped" in info


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"signal": "nowhere"}, "nowhere"),
        ({"rules": "none"}, "resco, free, street"),
        ({"reward": "delays"}, "did you mean 'delay'"),
        ({"action": "next"}, "no such action"),
        ({"observation": "movement"}, "did you mean 'movements'"),
        ({"backend": "sumo"}, "expected one of auto, libsumo, traci"),
        ({"render_mode": "human"}, "expected None"),
    ],
)
def test_a_wrong_name_is_one_sentence(street: Scenario, chosen: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        SignalEnv(street, **chosen)


@pytest.mark.parametrize("action", [4, -1, 0.5, "left", None])
def test_an_action_that_the_signal_does_not_have_is_one_sentence(small: Scenario, action: Any) -> None:
    env = SignalEnv(small)
    env.reset(seed=1)
    with pytest.raises(ConfigError, match="whole number"):
        env.step(action)
    env.close()


def test_a_step_before_the_first_reset_is_refused(env: SignalEnv) -> None:
    with pytest.raises(ConfigError, match="reset before step"):
        env.step(0)
