"""The book of counts: what a service writes bin by bin is what the upkeep reads, after corrections, crashes and full disks too."""

import os
from pathlib import Path

import numpy as np
import pytest

from forecasting import count_book
from forecasting.count_book import CountBook, is_book, read
from signals.errors import ForecastError

NAMES = ("A", "B")
QUARTER = np.timedelta64(15, "m")
FIRST = np.datetime64("2026-05-04T23:30", "s")


def filled(folder: Path, bins: int) -> CountBook:
    """So many quarters from half past eleven at night on."""
    book = CountBook(folder, NAMES, 900.0)
    for k in range(bins):
        book.note(FIRST + k * QUARTER, np.array([k, np.nan]))
        book.flush()
    return book


def test_what_is_written_is_what_is_read_across_midnight(tmp_path: Path) -> None:
    book = filled(tmp_path, 4)
    assert book.end == FIRST + 4 * QUARTER and is_book(tmp_path)
    history = read(tmp_path)
    assert (history.start, history.bin_s, history.detectors) == (np.datetime64("2026-05-04T00:00", "s"), 900.0, NAMES)
    assert history.time(history.bins) == book.end
    np.testing.assert_array_equal(history.counts_veh[-4:], [[k, np.nan] for k in range(4)])
    assert np.isnan(history.counts_veh[:-4]).all()


def test_a_bin_is_corrected_in_its_place_and_found_again(tmp_path: Path) -> None:
    filled(tmp_path, 4)
    again = CountBook(tmp_path, NAMES, 900.0)
    assert again.end == FIRST + 4 * QUARTER
    again.note(FIRST + QUARTER, np.array([9.0, 2.0]))
    np.testing.assert_array_equal(again.row(FIRST + QUARTER), [9.0, 2.0])
    again.flush()
    assert read(tmp_path).counts_veh[-4:, 0].tolist() == [0.0, 9.0, 2.0, 3.0]
    assert np.isnan(again.row(FIRST + 400 * QUARTER)).all()


def test_a_full_disk_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book = filled(tmp_path, 1)

    def refused(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", refused)
        for k in (1, 2):
            book.note(FIRST + k * QUARTER, np.array([k, k]))
            with pytest.raises(ForecastError, match=f"No space left on device.; {k} bins wait for room"):
                book.flush()
    np.testing.assert_array_equal(book.row(FIRST + QUARTER), [1.0, 1.0])
    assert read(tmp_path).bins == 95
    book.flush()
    assert read(tmp_path).counts_veh[-2:].tolist() == [[1.0, 1.0], [2.0, 2.0]]


@pytest.mark.parametrize("damage", ["other names", "other bins", "broken card", "broken day"])
def test_counts_of_others_are_set_aside_not_lost(damage: str, tmp_path: Path) -> None:
    folder = tmp_path / "counts"
    filled(folder, 2)
    if damage == "broken card":
        (folder / count_book.CARD).write_text("{", encoding="utf-8")
    if damage == "broken day":
        (folder / "2026-05-04.npy").write_bytes(b"nothing")
    names, bin_s = (("A", "C") if damage == "other names" else NAMES), 300.0 if damage == "other bins" else 900.0
    book = CountBook(folder, names, bin_s)
    assert book.end is None
    assert (tmp_path / "counts.before-1" / "2026-05-04.npy").is_file()


def test_gaps_are_leapt_over_to_the_next_count(tmp_path: Path) -> None:
    book = filled(tmp_path, 3)
    far = FIRST + np.timedelta64(40, "D")
    book.note(far, np.array([5.0, 5.0]))
    assert book.counted_after(FIRST + 3 * QUARTER) == far
    book.flush()
    assert book.counted_after(FIRST + 3 * QUARTER) == far
    assert book.counted_after(FIRST - QUARTER) == FIRST
    assert book.counted_after(far + QUARTER) == book.end


def test_old_days_are_let_go_of(tmp_path: Path) -> None:
    book = filled(tmp_path, 3)
    book.note(FIRST + np.timedelta64(40, "D"), np.zeros(2))
    book.flush()
    book.forget_before(20.0)
    assert sorted(path.name for path in tmp_path.glob("*.npy")) == ["2026-06-13.npy"]


def test_of_a_large_city_the_newest_days_are_read(tmp_path: Path) -> None:
    book = CountBook(tmp_path, NAMES, 900.0)
    for day in range(4):
        book.note(np.datetime64("2026-05-04T12:00", "s") + np.timedelta64(day, "D"), np.full(2, float(day)))
    book.flush()
    history = read(tmp_path, largest_cells=2 * 2 * 96)
    assert history.start == np.datetime64("2026-05-06T00:00", "s")
    assert np.unique(history.counts_veh[np.isfinite(history.counts_veh)]).tolist() == [2.0, 3.0]


def test_what_is_no_bin_and_no_book_is_told(tmp_path: Path) -> None:
    book = CountBook(tmp_path, NAMES, 900.0)
    with pytest.raises(ForecastError, match="nothing has been counted yet"):
        read(tmp_path)
    with pytest.raises(ForecastError, match="every 900 s"):
        book.note(FIRST + np.timedelta64(60, "s"), np.zeros(2))
    with pytest.raises(ForecastError, match=r"of \(3,\) counts"):
        book.note(FIRST, np.zeros(3))
    with pytest.raises(ForecastError, match="no card of counts"):
        read(tmp_path / "nowhere")
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ForecastError, match="cannot be kept there"):
        CountBook(tmp_path / "file", NAMES, 900.0)
