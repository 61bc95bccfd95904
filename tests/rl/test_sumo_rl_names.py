"""sumo-rl's environments under their own names, and beside sumo-rl itself where it is installed."""

import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("libsumo", reason="needs the sumo extra")
gymnasium = pytest.importorskip("gymnasium", reason="needs the sumo extra")

from gymnasium.utils.env_checker import check_env  # noqa: E402

from rl.sumo_rl_names import ENV_ID, ObservationFunction, SumoEnvironment, TrafficSignal, env, parallel_env  # noqa: E402
from signals.errors import ConfigError, ScenarioError  # noqa: E402
from signals.monitor import monitor_for  # noqa: E402
from sumo_nets.scenario import from_files, scenario  # noqa: E402
from sumo_nets.session import RunFiles, start  # noqa: E402

pytestmark = pytest.mark.sumo

GRID = scenario("grid_2x2")
HOUR: dict[str, Any] = {
    "net_file": str(GRID.net), "route_file": str(GRID.routes[0]), "begin_time": 25200, "num_seconds": 60, "sumo_seed": 5,
}  # fmt: skip


@pytest.fixture
def grid() -> Iterator[SumoEnvironment]:
    one = SumoEnvironment(**HOUR)
    yield one
    one.close()


class Queued(ObservationFunction):
    """An observation of a user's own."""

    def __call__(self) -> Any:
        """How many stand, and how the lanes are filled."""
        return np.array([self.ts.get_total_queued(), *self.ts.get_lanes_density()], dtype=np.float32)

    def observation_space(self) -> Any:
        """One number and one a lane."""
        return gymnasium.spaces.Box(0.0, 100.0, (1 + len(self.ts.lanes),))


def speedy(signal: TrafficSignal) -> float:
    """A reward of a user's own."""
    return 2.0 * signal.get_average_speed()


def test_the_multi_agent_environment_speaks_in_dictionaries(grid: SumoEnvironment) -> None:
    seen = grid.reset()
    assert list(seen) == grid.ts_ids
    for step in range(12):
        seen, rewards, dones, info = grid.step(dict.fromkeys(grid.ts_ids, step // 4 % 2))
        assert dones == {**dict.fromkeys(grid.ts_ids, False), "__all__": step == 11}
    assert info["step"] == 25260
    for ts in grid.ts_ids:
        assert seen[ts] in grid.observation_spaces(ts)
        assert {f"{ts}_stopped", "system_total_waiting_time", "agents_total_stopped"} <= set(info)
    assert set(rewards) == set(grid.ts_ids)


def test_a_choice_held_for_a_while_is_the_green_phase(grid: SumoEnvironment) -> None:
    grid.reset()
    ts = grid.ts_ids[0]
    signal = grid.traffic_signals[ts]
    wanted = (signal.green_phase + 1) % signal.num_green_phases
    for _ in range(6):
        grid.step({ts: wanted})
    assert signal.green_phase == wanted
    assert not signal.is_yellow
    assert signal.time_since_last_phase_change >= signal.yellow_time


def test_without_an_action_lights_hold_and_with_fixed_ts_they_run_by_themselves() -> None:
    held, fixed = SumoEnvironment(**HOUR), SumoEnvironment(**HOUR, fixed_ts=True)
    for one, action in ((held, None), (fixed, dict.fromkeys(held.ts_ids, 0))):
        one.reset()
        lights = {one.sumo.trafficlight.getRedYellowGreenState(one.ts_ids[0])}
        for _ in range(11):
            one.step(action)
            lights.add(one.sumo.trafficlight.getRedYellowGreenState(one.ts_ids[0]))
        one.close()
        assert (len(lights) > 1) == (one is fixed)


def test_fixed_lights_are_those_of_the_network_s_own_program() -> None:
    fixed = SumoEnvironment(**HOUR, fixed_ts=True, backend="traci")
    fixed.reset()
    bare = start(from_files(HOUR["net_file"], [HOUR["route_file"]], 25200, 25260), 5, RunFiles(options=fixed.arguments.options()), "traci")
    for step in range(60):
        bare.advance()
        if step % 5 == 4:
            fixed.step({})
            for ts in fixed.ts_ids:
                assert bare.sumo.trafficlight.getRedYellowGreenState(ts) == fixed.sumo.trafficlight.getRedYellowGreenState(ts)
    assert sorted(bare.sumo.vehicle.getIDList()) == sorted(fixed.sumo.vehicle.getIDList())
    bare.close()
    fixed.close()


def test_signals_that_are_not_the_agent_s_run_their_own_programs() -> None:
    names = SumoEnvironment(**HOUR).ts_ids
    one = SumoEnvironment(**HOUR, ts_ids=names[1:2])
    mine = one.ts_ids
    one.reset()
    other = next(ts for ts in names if ts not in mine)
    lights = set()
    for _ in range(12):
        seen, rewards, dones, _ = one.step(None)
        lights.add(one.sumo.trafficlight.getRedYellowGreenState(other))
    one.close()
    assert len(lights) > 1
    assert list(seen) == list(rewards) == mine
    assert set(dones) == {*mine, "__all__"}


def test_whatever_is_asked_the_lights_keep_yellow_and_minimum_green(tmp_path: Path) -> None:
    seconds: dict[str, Any] = {**HOUR, "num_seconds": 150, "delta_time": 3, "min_green": 5, "max_green": 30, "enforce_max_green": True}
    names = SumoEnvironment(**seconds).ts_ids
    events = "".join(f'<timedEvent type="SaveTLSStates" source="{ts}" dest="{tmp_path}/{ts}.xml"/>' for ts in names)
    (tmp_path / "watch.xml").write_text(f"<additional>{events}</additional>")
    one = SumoEnvironment(**seconds, additional_sumo_cmd=f"-a {tmp_path}/watch.xml")
    one.reset()
    dice = np.random.default_rng(1)
    for _ in range(50):
        one.step({ts: int(dice.integers(one.action_spaces(ts).n)) for ts in names})
    one.close()
    shown = [re.findall(r'time="([\d.]+)".*?state="(\w+)"', (tmp_path / f"{ts}.xml").read_text()) for ts in names]
    monitor = monitor_for(one.arguments.site().network, one.arguments.rules())
    for step in zip(*shown, strict=True):
        monitor.watch(float(step[0][0]), [lights for _, lights in step])
    assert monitor.violations == []
    assert len(shown[0]) == 150
    assert len({lights for _, lights in shown[0]}) > 5


def test_a_maximum_green_that_is_enforced_ends_a_green_that_nobody_ends() -> None:
    ages = {}
    for enforced in (False, True):
        one = SumoEnvironment(**{**HOUR, "num_seconds": 90}, max_green=20, enforce_max_green=enforced)
        one.reset()
        ages[enforced] = 0.0
        for _ in range(17):
            one.step(None)
            ages[enforced] = max(ages[enforced], *(s.time_since_last_phase_change - s.yellow_time for s in one.traffic_signals.values()))
        one.close()
    assert ages[False] > 60.0
    assert ages[True] <= 20.0


def test_a_user_s_own_observation_and_reward_are_asked() -> None:
    one = SumoEnvironment(**HOUR, observation_class=Queued, reward_fn=speedy)
    seen = one.reset()
    assert seen[one.ts_ids[0]].tolist()[0] == 0.0
    for _ in range(10):
        seen, rewards, *_ = one.step(dict.fromkeys(one.ts_ids, 0))
    for ts in one.ts_ids:
        assert seen[ts] in one.observation_spaces(ts)
        assert rewards[ts] == pytest.approx(2.0 * one.traffic_signals[ts].get_average_speed())
        assert set(one.traffic_signals[ts].lanes_length) == {*one.traffic_signals[ts].lanes, *one.traffic_signals[ts].out_lanes}
    one.close()


def test_the_single_agent_environment_passes_gymnasium_s_checker() -> None:
    one = gymnasium.make(ENV_ID, **{**HOUR, "sumo_seed": "random"})
    assert isinstance(one.unwrapped, SumoEnvironment)
    check_env(one.unwrapped, skip_render_check=True)
    one.close()


@pytest.mark.filterwarnings("ignore:We recommend agents to be named")
def test_the_parallel_and_the_turn_based_environments_pass_pettingzoo_s_tests() -> None:
    test = pytest.importorskip("pettingzoo.test", reason="pettingzoo is not installed; it is not required")
    one = parallel_env(**HOUR)
    test.parallel_api_test(one, num_cycles=14)
    _, infos = one.reset(seed=3)
    first = one.agents[0]
    assert {"system_mean_speed", f"{first}_stopped", "action_mask"} <= set(infos[first])
    one.close()
    turns = env(**HOUR)
    test.api_test(turns, num_cycles=20)
    turns.close()
    test.parallel_seed_test(lambda: parallel_env(**HOUR, backend="traci"), num_cycles=14)


def test_an_episode_s_figures_are_written_when_the_next_begins(tmp_path: Path) -> None:
    one = SumoEnvironment(**HOUR, out_csv_name=str(tmp_path / "results" / "run"), add_per_agent_info=False)
    for _ in range(2):
        one.reset()
        for _ in range(3):
            one.step({})
    one.close()
    files = list((tmp_path / "results").iterdir())
    assert [file.name for file in files] == [f"run_conn{one.label}_ep1.csv"]
    with files[0].open() as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["25205.0", "25210.0", "25215.0"]
    assert set(rows[0]) == {
        "step", "system_total_stopped", "system_total_waiting_time", "system_mean_waiting_time", "system_mean_speed",
    }  # fmt: skip


def test_a_default_observation_can_be_a_key_of_a_table(grid: SumoEnvironment) -> None:
    ts = grid.ts_ids[0]
    key = grid.encode(grid.reset()[ts], ts)
    assert len(key) == 2 + 2 * len(grid.traffic_signals[ts].lanes)
    assert {key: 1}[key] == 1


@pytest.mark.parametrize("action", [{"nowhere": 0}, 3, {"": 1}])
def test_an_action_of_nobody_is_one_sentence(grid: SumoEnvironment, action: Any) -> None:
    grid.reset()
    with pytest.raises(ConfigError):
        grid.step(action)


def test_an_option_that_sumo_does_not_know_is_said_in_sumo_s_words() -> None:
    with pytest.raises(ScenarioError, match="no-such-option"):
        SumoEnvironment(**HOUR, additional_sumo_cmd="--no-such-option").reset()


def _elsewhere(code: str, **variables: str) -> str:
    """What a fresh process prints; it may import sumo-rl, which sets up TraCI for the whole process."""
    home = subprocess.run([sys.executable, "-c", "import sumo; print(sumo.SUMO_HOME)"], capture_output=True, text=True, check=True)
    surroundings = {**os.environ, "SUMO_HOME": home.stdout.strip(), **variables}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=surroundings)
    assert done.returncode == 0, done.stderr
    return done.stdout


TRACE = """
import json, sys, random, warnings
warnings.simplefilter("ignore")
from {module} import SumoEnvironment
one = SumoEnvironment(net_file={net!r}, route_file={routes!r}, num_seconds=200, sumo_seed=7, reward_fn={reward!r}, sumo_warnings=False)
seen, dice, trace = one.reset(), random.Random(3), []
for k in range(40):
    chosen = {{ts: dice.randrange(one.action_spaces(ts).n) if k > 1 else 0 for ts in one.ts_ids}}
    seen, rewards, dones, info = one.step(chosen)
    info.pop("action_mask", None)
    trace.append([{{ts: v.tolist() for ts, v in seen.items()}}, dict(rewards), {{k: float(v) for k, v in info.items()}}, dones])
one.close()
print("TRACE" + json.dumps(trace, default=float))
"""


@pytest.mark.parametrize("reward", ["diff-waiting-time", "pressure"])
def test_observations_rewards_and_infos_are_those_of_sumo_rl_itself(reward: str) -> None:
    folder = _nets() / "2way-single-intersection"
    files = {"net": str(folder / "single-intersection.net.xml"), "routes": str(folder / "single-intersection-vhvh.rou.xml")}
    theirs, ours = (
        json.loads(_elsewhere(TRACE.format(module=module, reward=reward, **files), LIBSUMO_AS_TRACI="1").rpartition("TRACE")[2])
        for module in ("sumo_rl", "rl.sumo_rl_names")
    )
    # sumo-rl counts the first phase as one that just followed a yellow: its minimum green is served a decision later.
    theirs[0][0]["t"][4] = ours[0][0]["t"][4]
    for one, other in zip(theirs, ours, strict=True):
        assert one[3] == other[3]
        for a, b in zip(one[:3], other[:3], strict=True):
            assert set(a) == set(b)
            for name, value in a.items():
                np.testing.assert_allclose(value, b[name], atol=1e-5, err_msg=name)


@pytest.mark.parametrize("mark", ["sumo_rl.parallel_env", "gym.make"])
def test_the_examples_of_sumo_rl_s_own_readme_run_with_the_import_changed(mark: str, tmp_path: Path) -> None:
    nets = _nets()
    text = metadata.distribution("sumo-rl").read_text("METADATA") or ""
    code = next(block for block in re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL) if mark in block)
    folder = nets / "2way-single-intersection"
    changes = {
        "import sumo_rl": "import rl.sumo_rl_names as sumo_rl",
        "use_gui=True": "use_gui=False",
        "num_seconds=3600": "num_seconds=20",
        "num_seconds=100000": "num_seconds=20",
        "nets/RESCO": f"{nets}/RESCO",
        "path_to_your_network.net.xml": str(folder / "single-intersection.net.xml"),
        "path_to_your_routefile.rou.xml": str(folder / "single-intersection-vhvh.rou.xml"),
        "path_to_output.csv": str(tmp_path / "out"),
    }
    for before, after in changes.items():
        code = code.replace(before, after)
    assert "rl.sumo_rl_names" in code
    finished = {"sumo_rl.parallel_env": "len(env.possible_agents), len(observations)", "gym.make": "info['step'], truncated"}[mark]
    said = _elsewhere(f"{code}\nprint('DONE', {finished})")
    assert said.strip().endswith({"sumo_rl.parallel_env": "DONE 16 16", "gym.make": "DONE 20.0 True"}[mark])


def _nets() -> Path:
    """sumo-rl's networks, found without importing it."""
    spec = find_spec("sumo_rl")
    if spec is None or spec.origin is None:
        pytest.skip("needs the bench extra")
    return Path(spec.origin).parent / "nets"
