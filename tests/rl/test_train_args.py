"""Arguments become sites."""

from pathlib import Path

import pytest

pytest.importorskip("libsumo", reason="needs the sumo extra")

from rl.train_args import TrainArgs, checked, generated_sites
from sumo_nets.generated import Generated

pytestmark = pytest.mark.sumo


def test_scenarios_and_generated_networks_become_sites_cut_to_the_episode(tmp_path: Path) -> None:
    args = TrainArgs(("grid_2x2",), 10, str(tmp_path / "run"), episode_s=300.0, generated=(Generated(1, 2),))
    sites = checked(args) + generated_sites(args)
    assert [len(one.network.signals) for one in sites] == [4, 2]
    assert [one.scenario.end_s - one.scenario.begin_s for one in sites] == [300.0, 300.0]


def test_runs_of_different_seeds_share_no_episode() -> None:
    one, other = (TrainArgs(("grid_2x2",), 10, "x", seed=seed).first_seed for seed in (0, 1))
    assert other - one == 100_000
    assert one == 1000
