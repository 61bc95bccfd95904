"""Lessons as arrays and files."""

from pathlib import Path

import numpy as np
import pytest

from rl import features, lessons
from rl.lessons import Lesson, Lessons, joined, read, together, write
from signals.errors import PolicyError


def _some(phases: int, count: int, seed: int = 0) -> Lessons:
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        cost_s = rng.normal(size=phases)
        cost_s[-1] = np.nan
        made.append(Lesson(rng.random((phases, features.WIDTH), dtype=np.float32), 0, cost_s))
    return together(made)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    some = _some(3, 5)
    write(some, tmp_path / "deep" / "a.npz")
    again = read(tmp_path / "deep" / "a.npz")
    for name in ("rows", "chosen", "cost_s"):
        np.testing.assert_array_equal(getattr(again, name), getattr(some, name))
    assert not list(tmp_path.rglob("*.part"))


def test_an_episode_without_lessons_is_one_too(tmp_path: Path) -> None:
    write(together([]), tmp_path / "none.npz")
    assert len(read(tmp_path / "none.npz")) == 0
    assert len(joined([read(tmp_path / "none.npz"), _some(3, 2)])) == 2


def test_joined_lessons_are_as_wide_as_the_widest_and_unknown_where_a_signal_has_no_phase() -> None:
    both = joined([_some(2, 3), _some(4, 1)])
    assert both.rows.shape == (4, 4, features.WIDTH)
    assert np.isnan(both.cost_s[:3, 2:]).all()
    assert not both.rows[:3, 2:].any()


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def _pickle(path: Path) -> None:
    np.savez(path, rows=np.array([{}], dtype=object), chosen=np.zeros(1), cost_s=np.zeros(1), layout=np.array("x"))


@pytest.mark.parametrize(("damage", "says"), [(_truncate, "no lessons can be read"), (_pickle, "no lessons can be read")])
def test_a_broken_file_is_one_sentence(tmp_path: Path, damage: object, says: str) -> None:
    path = tmp_path / "a.npz"
    write(_some(3, 5), path)
    damage(path)  # type: ignore[operator]
    with pytest.raises(PolicyError, match=says):
        read(path)


def test_lessons_of_another_layout_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(_some(3, 5), tmp_path / "a.npz")
    monkeypatch.setattr(lessons, "layout_hash", lambda: "0123456789ab")
    with pytest.raises(PolicyError, match="make them anew"):
        read(tmp_path / "a.npz")
