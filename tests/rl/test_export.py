"""What goes into a policy folder comes out again."""

from pathlib import Path

import numpy as np
import pytest

from rl import features
from rl.export import export, version
from rl.policy import load
from rl.scorer import untrained
from signals.errors import PolicyError


def test_an_exported_scorer_scores_the_same_when_loaded(tmp_path: Path) -> None:
    scorer = untrained(prior=2.5)
    scorer.hidden_1[:] = np.random.default_rng(1).standard_normal(scorer.hidden_1.shape)
    scorer.hidden_2[:], scorer.out[:] = 0.1, 0.3
    export(scorer, tmp_path / "new" / "policy", {"steps": 7})
    policy = load(tmp_path / "new" / "policy")
    rows = np.random.default_rng(2).random((4, 3, features.WIDTH), dtype=np.float32)
    np.testing.assert_array_equal(policy.scorer.scores(rows), scorer.scores(rows))
    assert policy.card["steps"] == 7
    assert policy.card["prior"] == 2.5


def test_the_card_lists_every_feature_with_unit_and_scale(tmp_path: Path) -> None:
    export(untrained(), tmp_path, {})
    layout = load(tmp_path).card["layout"]
    assert len(layout) == features.WIDTH
    assert all(set(line) == {"name", "unit", "scale", "about"} for line in layout)


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(PolicyError, match="cannot be written"):
        export(untrained(), tmp_path / "taken", {})


def test_a_distribution_that_is_not_installed_has_the_version_source() -> None:
    assert version("no-such-distribution-anywhere") == "source"
    assert version("numpy") == np.__version__
