"""Which checkpoint ships."""

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the train extra")
pytest.importorskip("stable_baselines3", reason="needs the train extra")

from rl.selection import candidates, judged, score, select, table
from signals.errors import ConfigError

pytestmark = pytest.mark.train

LEVEL = {"a": [20.0, 22.0], "b": [10.0, 10.0]}


def test_the_reference_itself_scores_one() -> None:
    assert score(LEVEL, LEVEL) == pytest.approx(1.0)


def test_a_gain_on_one_network_does_not_buy_a_loss_on_another() -> None:
    even = {"a": [20.9, 20.9], "b": [9.9, 9.9]}
    uneven = {"a": [16.8, 16.8], "b": [11.5, 11.5]}
    assert score(uneven, LEVEL) > score(even, LEVEL)


def test_the_worst_seed_counts_first_and_the_mean_breaks_ties() -> None:
    shaky = {"a": [15.0, 24.0], "b": [8.0, 8.0]}
    steady = {"a": [21.9, 22.0], "b": [10.0, 10.0]}
    better = {"a": [20.0, 22.0], "b": [9.0, 10.0]}
    found = {"shaky": shaky, "steady": steady, "better": better}
    verdicts = select([Path(name) for name in found], lambda folder: found[folder.name], LEVEL)
    assert [v.folder.name for v in verdicts] == ["better", "steady", "shaky"]
    assert verdicts[-1].worst == pytest.approx(24.0 / 22.0)
    assert verdicts[-1].mean < 1.0


def test_the_reference_is_level_with_itself() -> None:
    assert judged(Path("x"), LEVEL, LEVEL).rank == (1.0, 1.0)


def test_the_table_gives_mean_and_worst_seed() -> None:
    assert table(LEVEL) == {"a": {"mean": 21.0, "worst": 22.0}, "b": {"mean": 10.0, "worst": 10.0}}


def test_a_folder_without_checkpoints_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds 0 checkpoints"):
        candidates(tmp_path)
    with pytest.raises(ConfigError, match="average is 0"):
        candidates(tmp_path, 0)
