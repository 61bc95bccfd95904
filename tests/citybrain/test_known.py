"""Claims about known counts: they are told as they are, minute by minute, and only to the network that they are of."""

from pathlib import Path

import numpy as np
import pytest

from citybrain.known import FILE, Known, is_known, load, save
from signals.errors import ForecastError

NAMES = ("a", "b")
BEGIN_S = 3600.0


@pytest.fixture
def known() -> Known:
    """An hour in which the first movement has minute k bring k vehicles, the second none."""
    return Known(NAMES, BEGIN_S, np.stack((np.arange(60.0), np.zeros(60)), axis=1))


@pytest.mark.parametrize(
    ("now_s", "first"),
    [(BEGIN_S, 0), (BEGIN_S + 600.0, 10), (BEGIN_S + 601.0, 11), (BEGIN_S - 300.0, 0), (BEGIN_S + 2700.0, 45), (BEGIN_S + 9000.0, 45)],
)
def test_the_very_counts_of_the_next_15_minutes_are_told(known: Known, now_s: float, first: int) -> None:
    told = known.update(now_s, np.full(2, np.nan))
    np.testing.assert_allclose(told.flow_veh_h[0] / 4.0, [sum(range(first, first + 15)), 0.0])
    assert (told.made_at_s, told.bin_s) == (now_s, 900.0)
    assert (told.low_veh_h >= 0.0).all() and (told.high_veh_h > told.flow_veh_h).all()


def test_its_interval_is_that_of_poisson_counts() -> None:
    told = Known(NAMES, 0.0, np.full((15, 2), 99.0 / 15.0)).update(0.0, np.zeros(2))
    drawn = np.random.default_rng(1).poisson(99.0, 20_000) * 4.0
    assert ((drawn >= told.low_veh_h[0, 0]) & (drawn <= told.high_veh_h[0, 0])).mean() == pytest.approx(0.8, abs=0.02)


def test_a_stored_one_comes_back_the_same(known: Known, tmp_path: Path) -> None:
    assert not is_known(str(tmp_path)) and not is_known("")
    save(known, tmp_path / "day")
    assert is_known(str(tmp_path / "day"))
    found = load(tmp_path / "day", NAMES)
    assert (found.movements, found.begin_s) == (NAMES, BEGIN_S)
    np.testing.assert_array_equal(found.minutes_veh, known.minutes_veh)


def test_other_movements_are_refused(known: Known, tmp_path: Path) -> None:
    save(known, tmp_path)
    with pytest.raises(ForecastError, match="other movements"):
        load(tmp_path, ("a", "c"))


@pytest.mark.parametrize("content", [b"", b"PK but not a zip"])
def test_a_broken_file_is_one_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(ForecastError, match="no known counts can be read"):
        load(tmp_path, NAMES)


def test_less_than_15_minutes_are_refused(tmp_path: Path) -> None:
    save(Known(NAMES, 0.0, np.ones((14, 2))), tmp_path)
    with pytest.raises(ForecastError, match="14 minutes, expected 15"):
        load(tmp_path, NAMES)
