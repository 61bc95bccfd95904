from typing import Any

import numpy as np
import pytest

from forecasting import trees
from forecasting.trees import Forest, from_dump, walk
from signals.errors import ForecastError

STUMP: dict[str, Any] = {
    "split_index": 0, "split_feature": 1, "threshold": 0.5, "decision_type": "<=", "default_left": False, "missing_type": "NaN",
    "left_child": {"leaf_value": -1.0},
    "right_child": {
        "split_index": 1, "split_feature": 0, "threshold": -2.0, "decision_type": "<=", "default_left": True, "missing_type": "None",
        "left_child": {"leaf_value": 10.0}, "right_child": {"leaf_value": 20.0},
    },
}  # fmt: skip


def dump(*structures: dict[str, Any]) -> dict[str, Any]:
    return {"tree_info": [{"tree_structure": one} for one in structures]}


ROWS = np.array([[0.0, 0.5], [-3.0, 0.6], [0.0, 0.6], [0.0, np.nan], [np.nan, 9.0], [-2.0, 1.0]], dtype=np.float32)
BY_HAND = np.array([-1.0, 10.0, 20.0, 20.0, 20.0, 10.0])  # where nothing was missing in training, NaN is read as 0


@pytest.mark.parametrize("function", [walk, walk.py_func], ids=["compiled", "python"])
def test_a_tree_by_hand(function: Any) -> None:
    forest = from_dump([dump(STUMP)])
    out = np.zeros(len(ROWS))
    parts = (forest.threshold, forest.feature, forest.child, forest.value, forest.nan_first, forest.start)
    function(ROWS, *parts, out, 4)
    np.testing.assert_array_equal(out, BY_HAND)


def test_trees_add_up_with_their_share() -> None:
    forest = from_dump([dump(STUMP, STUMP), dump(STUMP)], share=0.5)
    np.testing.assert_array_equal(forest.values(ROWS), 1.5 * BY_HAND)


def test_a_tree_that_is_one_leaf_and_a_forest_of_none() -> None:
    np.testing.assert_array_equal(from_dump([dump({"leaf_value": 3.0})]).values(ROWS), np.full(6, 3.0))
    np.testing.assert_array_equal(Forest.none().values(ROWS), np.zeros(6))
    again = Forest.from_arrays(Forest.none().arrays(), 2)
    np.testing.assert_array_equal(again.values(ROWS), np.zeros(6))


def test_it_says_what_lightgbm_says() -> None:
    lightgbm = pytest.importorskip("lightgbm")
    rng = np.random.default_rng(3)
    x = rng.standard_normal((3000, 5)).astype(np.float32)
    x[rng.random(x.shape) < 0.05] = np.nan
    y = np.nan_to_num(x[:, 0]) * np.nan_to_num(x[:, 1]) + 0.1 * rng.standard_normal(3000)
    booster = lightgbm.train({"verbosity": -1, "num_threads": 1, "num_leaves": 15}, lightgbm.Dataset(x, y), 30)
    forest = from_dump([booster.dump_model()])
    np.testing.assert_allclose(forest.values(x), booster.predict(x.astype(np.float64)), rtol=0, atol=1e-12)
    again = Forest.from_arrays(forest.arrays(), 5)
    np.testing.assert_array_equal(again.values(x), forest.values(x))


def test_a_split_by_category_is_refused() -> None:
    with pytest.raises(ForecastError, match="splits by '=='"):
        from_dump([dump({**STUMP, "decision_type": "=="})])


@pytest.mark.parametrize(
    ("name", "value"),
    [("tree_child", 0.0), ("tree_child", 99.0), ("tree_feature", 2.0), ("tree_feature", -1.0), ("tree_start", 7.0)],
)
def test_tables_that_lead_astray_or_never_end_are_refused(name: str, value: float) -> None:
    arrays = from_dump([dump(STUMP)]).arrays()
    spoilt = np.array(arrays[name], dtype=np.float64)
    spoilt[min(2, len(spoilt) - 1)] = value
    with pytest.raises(ValueError, match="trees"):
        Forest.from_arrays({**arrays, name: spoilt}, 2)


def test_blocks_change_nothing() -> None:
    forest = from_dump([dump(STUMP)])
    rows = np.tile(ROWS, (trees.BLOCK_ROWS, 1))[: 3 * trees.BLOCK_ROWS + 1]
    np.testing.assert_array_equal(forest.values(rows), np.tile(BY_HAND, trees.BLOCK_ROWS)[: len(rows)])
