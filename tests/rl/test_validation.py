"""Verdicts of a run: measured once, kept, the best one shipped."""

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the train extra")
pytest.importorskip("stable_baselines3", reason="needs the train extra")

from rl.export import export
from rl.policy import load
from rl.run_folder import BEST
from rl.scorer import untrained
from rl.selection import Delays
from rl.validation import Verdicts
from signals.errors import ConfigError

pytestmark = pytest.mark.train


class Table:
    """A judge who answers by the candidate's name."""

    def __init__(self, worst: dict[str, float]) -> None:
        self.asked: list[str] = []
        self._worst = worst

    def controller(self, name: str) -> Delays:
        self.asked.append(name)
        return {"a": [10.0, 20.0]}

    def policy(self, folder: Path) -> Delays:
        self.asked.append(folder.name)
        return {"a": [10.0, self._worst[folder.name]]}


def _candidate(run: Path, name: str) -> Path:
    export(untrained(), run / "candidates" / name, {"name": name})
    return run / "candidates" / name


def test_the_best_worst_seed_is_shipped_and_a_later_session_knows_all(tmp_path: Path) -> None:
    judge = Table({"one": 21.0, "two": 19.0, "three": 19.0})
    verdicts = Verdicts(tmp_path, ("a",), (101, 102), judge)
    for name in ("one", "two"):
        verdicts.judge(_candidate(tmp_path, name))
    later = Verdicts(tmp_path, ("a",), (101, 102), judge)
    later.judge(tmp_path / "candidates" / "one")
    later.judge(_candidate(tmp_path, "three"))
    assert judge.asked == ["rolling_horizon", "fixed", "one", "two", "three"]
    assert [verdict.worst for verdict in later.all] == [1.05, 0.95, 0.95]
    # Of two equals the earlier one stays.
    assert load(tmp_path / BEST).card["name"] == "two"


def test_figures_of_other_seeds_are_not_mixed_in(tmp_path: Path) -> None:
    Verdicts(tmp_path, ("a",), (101, 102), Table({})).measure()
    with pytest.raises(ConfigError, match="measured on"):
        Verdicts(tmp_path, ("a",), (103,), Table({})).measure()
