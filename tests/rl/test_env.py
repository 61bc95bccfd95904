"""The Gymnasium environments over our own small networks."""

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
from rl.env import SignalEnv, SignalsEnv  # noqa: E402
from signals.errors import ConfigError  # noqa: E402
from sumo_nets.scenario import Scenario  # noqa: E402

pytestmark = pytest.mark.sumo


@pytest.fixture
def env(street: Scenario) -> Iterator[SignalEnv]:
    one = SignalEnv(street)
    yield one
    one.close()


@pytest.fixture
def signals(street: Scenario) -> Iterator[SignalsEnv]:
    one = SignalsEnv(street)
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


def test_gymnasium_s_own_checker_has_nothing_to_say(small: Scenario) -> None:
    env = gymnasium.make(rl.ENV_ID, scenario=small)
    check_env(env.unwrapped, skip_render_check=True)
    env.close()


def test_pettingzoo_s_own_parallel_test_passes(small: Scenario) -> None:
    pettingzoo = pytest.importorskip("pettingzoo.test", reason="pettingzoo is not installed; it is not required")
    env = SignalsEnv(small)
    pettingzoo.parallel_api_test(env, num_cycles=14)
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
        running = int(rows[:, features.RUNNING].argmax())
        wanted = int(np.flatnonzero(mask)[-1])
        rows, *_, info = env.step(wanted)
        assert mask[running]
        assert int(rows[:, features.RUNNING].argmax()) == wanted


def test_a_signal_is_chosen_by_its_id_and_another_name_is_refused(street: Scenario) -> None:
    names = SignalsEnv(street).possible_agents
    sizes = {SignalEnv(street, signal=name).action_space.n for name in names}
    assert sizes == {4, 5}
    with pytest.raises(ConfigError, match="nowhere"):
        SignalEnv(street, signal="nowhere")


def test_unknown_rules_are_refused_with_the_known_ones(street: Scenario) -> None:
    with pytest.raises(ConfigError, match="resco, free, street"):
        SignalEnv(street, rules="none")


def test_a_step_before_the_first_reset_is_refused(env: SignalEnv, signals: SignalsEnv) -> None:
    with pytest.raises(ConfigError, match="reset before step"):
        env.step(0)
    with pytest.raises(ConfigError, match="reset before step"):
        signals.step(dict.fromkeys(signals.possible_agents, 0))


def test_every_signal_is_an_agent_with_spaces_of_its_own_size(signals: SignalsEnv) -> None:
    seen, infos = signals.reset(seed=1)
    assert signals.num_agents == signals.max_num_agents == len(seen) == 5
    for agent in signals.agents:
        assert seen[agent] in signals.observation_space(agent)
        assert infos[agent]["action_mask"].shape == (signals.action_space(agent).n,)


def test_all_agents_leave_together_when_the_hour_is_over(signals: SignalsEnv) -> None:
    _, infos = signals.reset(seed=1)
    decisions, truncated = 0, {"": False}
    while not any(truncated.values()):
        actions = {agent: int(np.flatnonzero(infos[agent]["action_mask"])[0]) for agent in signals.agents}
        _, rewards, _, truncated, infos = signals.step(actions)
        decisions += 1
    assert decisions == 12
    assert all(truncated.values())
    assert set(rewards) == set(signals.possible_agents)
    assert signals.agents == []
