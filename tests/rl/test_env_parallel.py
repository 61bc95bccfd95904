"""The environment of all signals of a network, over our own small networks."""

import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

pytest.importorskip("libsumo", reason="needs the sumo extra")
pytest.importorskip("gymnasium", reason="needs the sumo extra")

from rl.env import SignalEnv
from rl.env_parallel import SignalsEnv
from signals.errors import ConfigError
from sumo_nets.scenario import Scenario

pytestmark = pytest.mark.sumo


@pytest.fixture
def signals(street: Scenario) -> Iterator[SignalsEnv]:
    one = SignalsEnv(street)
    yield one
    one.close()


@pytest.mark.parametrize("observation", ["phase_rows", "sumo_rl"])
def test_pettingzoo_s_own_parallel_test_passes(small: Scenario, observation: str) -> None:
    pettingzoo = pytest.importorskip("pettingzoo.test", reason="pettingzoo is not installed; it is not required")
    env = SignalsEnv(small, observation=observation)
    pettingzoo.parallel_api_test(env, num_cycles=14)
    env.close()


def test_pettingzoo_s_own_seed_test_passes_with_two_environments_in_turn(small: Scenario) -> None:
    pettingzoo = pytest.importorskip("pettingzoo.test", reason="pettingzoo is not installed; it is not required")
    pettingzoo.parallel_seed_test(lambda: SignalsEnv(small, backend="traci"), num_cycles=14)


def test_it_needs_no_pettingzoo_and_is_its_parallel_environment_where_there_is_one() -> None:
    code = (
        "import sys\nfrom importlib.machinery import PathFinder\nfind = PathFinder.find_spec\n"
        "PathFinder.find_spec = classmethod(lambda cls, name, *a: None if name == 'pettingzoo' else find(name, *a))\n"
        "from rl.env_parallel import SignalsEnv\nassert SignalsEnv.__mro__[1] is object and 'pettingzoo' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    pettingzoo = pytest.importorskip("pettingzoo", reason="pettingzoo is not installed; it is not required")
    assert issubclass(SignalsEnv, pettingzoo.ParallelEnv)


def test_two_environments_of_one_process_do_not_disturb_each_other(small: Scenario) -> None:
    def rewards(env: SignalsEnv) -> list[dict[str, float]]:
        return [env.step(dict.fromkeys(env.possible_agents, 1))[1] for _ in range(3)]

    alone, beside = SignalsEnv(small), SignalsEnv(small)
    alone.reset(seed=4)
    first = rewards(alone)
    alone.reset(seed=4)
    beside.reset(seed=9)
    with pytest.raises(ConfigError, match="another environment's hour runs in this process"):
        SignalEnv(small, backend="libsumo").reset()
    beside.step(dict.fromkeys(beside.possible_agents, 1))
    assert rewards(alone) == first
    alone.close()
    beside.close()


def test_every_signal_is_an_agent_with_spaces_of_its_own_size(signals: SignalsEnv) -> None:
    seen, infos = signals.reset(seed=1)
    assert signals.num_agents == signals.max_num_agents == len(seen) == 5
    assert {space.n for space in signals.action_spaces.values()} == {4, 5}
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


def test_each_agent_is_told_its_own_figures_and_the_network_s(small: Scenario) -> None:
    env = SignalsEnv(small, metrics=True)
    _, infos = env.reset(seed=1)
    env.close()
    first, second = env.possible_agents[:2]
    assert f"{first}_stopped" in infos[first]
    assert f"{second}_stopped" not in infos[first]
    assert "system_mean_speed" in infos[first]


def test_an_agent_too_many_or_too_few_is_one_sentence(signals: SignalsEnv) -> None:
    signals.reset(seed=1)
    actions = dict.fromkeys(signals.possible_agents, 0)
    with pytest.raises(ConfigError, match="action of nobody, which is no agent"):
        signals.step({**actions, "nobody": 0})
    last = signals.possible_agents[-1]
    with pytest.raises(ConfigError, match=f"action of {last} is missing"):
        signals.step({agent: 0 for agent in actions if agent != last})


def test_a_step_before_the_first_reset_is_refused(signals: SignalsEnv) -> None:
    with pytest.raises(ConfigError, match="reset before step"):
        signals.step(dict.fromkeys(signals.possible_agents, 0))
