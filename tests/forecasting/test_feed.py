from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.base import Arrays
from forecasting.feed import Bin, Feed
from signals.errors import ForecastError
from signals.types import Floats

NAMES = ("A", "B", "C")
MORNING = np.datetime64("2024-05-07T08:00:00", "s")


def at(minutes: float, start: np.datetime64 = MORNING) -> np.datetime64:
    return start + np.timedelta64(round(60 * minutes), "s")


def row(*counts_veh: float) -> Floats:
    return np.array(counts_veh, dtype=np.float64)


def begun(bin_s: float = 900.0, ring_bins: int = 8) -> Feed:
    feed = Feed(NAMES, bin_s, ring_bins=ring_bins)
    feed.due(MORNING)
    return feed


def told(bins: tuple[Bin, ...]) -> list[tuple[str, str, list[float]]]:
    return [(str(one.start)[11:16], one.kind, np.nan_to_num(one.counts_veh, nan=-1.0).tolist()) for one in bins]


def test_a_bin_is_let_go_when_it_has_ended_and_the_grace_has_passed() -> None:
    feed = begun()
    feed.take(at(15), MORNING, row(1, 2, 3))
    assert feed.due(at(15.9)) == ()
    assert told(feed.due(at(16))) == [("08:00", "new", [1, 2, 3])]
    assert feed.due(at(16)) == ()


def test_rows_of_single_detectors_fill_a_bin_and_the_missing_one_is_a_gap() -> None:
    feed = begun()
    feed.take_one(at(15), MORNING, "C", 7.0)
    feed.take_one(at(15), MORNING, "A", 0.0)
    assert told(feed.due(at(17))) == [("08:00", "new", [0, -1, 7])]


def test_rows_out_of_order_come_out_in_order_and_silence_is_a_gap() -> None:
    feed = begun()
    feed.take(at(31), at(15), row(4, 5, 6))
    feed.take(at(31), at(0), row(1, 2, 3))
    assert told(feed.due(at(62))) == [
        ("08:00", "new", [1, 2, 3]),
        ("08:15", "new", [4, 5, 6]),
        ("08:30", "new", [-1, -1, -1]),
        ("08:45", "new", [-1, -1, -1]),
    ]


def test_of_two_rows_for_one_bin_the_last_word_counts_and_a_gap_is_no_word() -> None:
    feed = begun()
    feed.take(at(15), MORNING, row(1, 2, 3))
    feed.take(at(15), MORNING, row(1, 2, 3))
    feed.take(at(15.5), MORNING, row(1, 9, np.nan))
    assert told(feed.due(at(16))) == [("08:00", "new", [1, 9, 3])]
    assert (feed.noted["doubled"], feed.noted["corrected"], feed.noted["taken"]) == (1, 1, 3)


def test_a_late_row_corrects_the_recent_bins_and_is_told_once() -> None:
    feed = begun()
    feed.take(at(15.5), at(0), row(1, 2, np.nan))
    assert told(feed.due(at(30))) == [("08:00", "new", [1, 2, -1])]
    feed.take(at(30.5), at(15), row(4, 5, 6))
    feed.take_one(at(33), at(0), "C", 8.0)
    assert told(feed.due(at(33))) == [("08:00", "corrected", [1, 2, 8]), ("08:15", "new", [4, 5, 6])]
    np.testing.assert_array_equal(feed.recent_veh(2), [[1, 2, 8], [4, 5, 6]])
    assert feed.noted["late"] == 1
    assert feed.due(at(34)) == ()


def test_what_cannot_be_used_is_dropped_with_its_reason() -> None:
    feed = begun(ring_bins=2)
    feed.due(at(120))
    feed.take(at(120), at(15), row(1, 1, 1))
    feed.take(at(120), at(7), row(1, 1, 1))
    feed.take(at(120), at(600), row(1, 1, 1))
    feed.take_one(at(120), at(105), "X", 1.0)
    feed.take_one(at(120), at(105), "A", -1.0)
    feed.take(at(120), at(105), row(np.inf, -2, 5))
    dropped = {name: feed.noted[name] for name in ("too_late", "off_grid", "early", "unknown", "no_count")}
    assert dropped == {"too_late": 1, "off_grid": 1, "early": 1, "unknown": 1, "no_count": 3}
    assert told(feed.due(at(121))) == [("09:45", "new", [-1, -1, 5])]


def test_bins_before_the_first_row_can_be_filled_in() -> None:
    feed = begun()
    feed.take(at(1), at(-15), row(1, 2, 3))
    assert told(feed.due(at(1))) == [("07:45", "corrected", [1, 2, 3])]


@dataclass(frozen=True)
class Night:
    """A night of the local clock: what it shows when bins of these numbers end, and how many bins the day has."""

    starts: list[np.datetime64]
    ends: list[np.datetime64]


def night(date: str, bin_s: int, change_h: int) -> Night:
    """A day whose clock goes forward from 02:00 to 03:00 (+1) or back from 03:00 to 02:00 (-1)."""
    midnight = np.datetime64(date + "T00:00:00", "s")
    starts, ends = [], []
    for elapsed_s in range(0, 86_400 - 3600 * change_h, bin_s):

        def clock(real_s: int) -> np.datetime64:
            changed = real_s >= (7200 if change_h > 0 else 10_800)
            return midnight + np.timedelta64(real_s + (3600 * change_h if changed else 0), "s")

        starts.append(clock(elapsed_s))
        ends.append(clock(elapsed_s + bin_s))
    return Night(starts, ends)


@pytest.mark.parametrize("bin_s", [300, 900, 3600])
def test_in_a_spring_night_the_skipped_hour_is_a_gap(bin_s: int) -> None:
    feed = Feed(NAMES, float(bin_s))
    day = night("2024-03-31", bin_s, 1)
    assert len(day.starts) == 23 * 3600 // bin_s
    feed.due(day.starts[0])
    out: list[Bin] = []
    for i, (start, end) in enumerate(zip(day.starts, day.ends, strict=True)):
        feed.take(end, start, row(i, i, i))
        out += feed.due(end)
    out += feed.due(day.ends[-1] + np.timedelta64(60, "s"))
    assert len(out) == 24 * 3600 // bin_s
    gaps = [one.start for one in out if np.isnan(one.counts_veh).all()]
    assert len(gaps) == 3600 // bin_s
    assert {str(start)[11:13] for start in gaps} == {"02"}
    assert all(one.kind == "new" for one in out)


@pytest.mark.parametrize("bin_s", [300, 900, 3600])
@pytest.mark.parametrize("grace_s", [20.0, 60.0])
def test_in_an_autumn_night_the_hour_that_comes_twice_is_the_mean_of_both(bin_s: int, grace_s: float) -> None:
    feed = Feed(NAMES, float(bin_s), grace_s=grace_s)
    day = night("2024-10-27", bin_s, -1)
    assert len(day.starts) == 25 * 3600 // bin_s
    feed.due(day.starts[0])
    out: list[Bin] = []
    for i, (start, end) in enumerate(zip(day.starts, day.ends, strict=True)):
        feed.take(end, start, row(i, 10.0, np.nan))
        out += feed.due(end)
        out += feed.due(end + np.timedelta64(90, "s"))
    hour = 3600 // bin_s
    assert [one.kind for one in out] == ["new"] * 3 * hour + ["repeated"] * hour + ["new"] * 21 * hour
    assert [one.start for one in out] == day.starts
    twice = np.array([one.counts_veh for one in out if one.kind == "repeated"])
    np.testing.assert_allclose(twice[:, 0], 2 * hour + np.arange(hour) + hour / 2)
    np.testing.assert_allclose(twice[:, 1], 10.0)
    assert feed.noted["corrected"] == 0


@pytest.mark.parametrize("minutes", [-2.0, -60.0, -300.0, 60.0 * 24 * 8])
def test_a_clock_that_jumps_by_day_is_an_error(minutes: float) -> None:
    feed = begun()
    with pytest.raises(ForecastError, match=r"the feed's clock (ran back|jumped) from 2024-05-07T08:00:00"):
        feed.due(at(minutes))


def test_a_clock_that_is_set_right_by_seconds_is_no_news() -> None:
    feed = begun()
    feed.due(at(16))
    assert feed.due(at(15.5)) == ()
    assert feed.due(at(16)) == ()


def test_the_hour_comes_twice_but_once_a_season() -> None:
    feed = Feed(NAMES, 900.0)
    night_start = np.datetime64("2024-10-27T02:50:00", "s")
    feed.due(night_start)
    feed.due(night_start - np.timedelta64(2400, "s"))
    feed.due(night_start)
    with pytest.raises(ForecastError, match="ran back"):
        feed.due(night_start - np.timedelta64(2400, "s"))


@pytest.mark.parametrize(
    ("bin_s", "grace_s", "ring_bins"), [(7000.0, 60.0, 8), (900.0, -1.0, 8), (900.0, 60.0, 0), (0.0, 60.0, 8), (900.0, 7200.0, 8)]
)
def test_a_senseless_feed_is_refused(bin_s: float, grace_s: float, ring_bins: int) -> None:
    with pytest.raises(ForecastError, match="a feed of bins of"):
        Feed(NAMES, bin_s, grace_s, ring_bins)


def test_wrong_shapes_are_refused() -> None:
    feed = begun()
    with pytest.raises(ForecastError, match="expected 3"):
        feed.take(MORNING, MORNING, row(1, 2))
    with pytest.raises(ForecastError, match="9 recent bins, of 8"):
        feed.recent_veh(9)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(-12, 1), st.integers(0, 2), st.integers(0, 50)), max_size=60), st.data())
def test_whatever_comes_the_bins_are_the_last_words_in_order(rows: list[tuple[int, int, int, int]], data: st.DataObject) -> None:
    """Rows of (minutes later, bins ago, detector, count); each bin is told once as new, and corrections make it whole."""
    feed = Feed(NAMES, 300.0, grace_s=0.0)
    now: np.datetime64 = MORNING
    told_veh: dict[str, Floats] = {}
    last_word: dict[tuple[str, int], float] = {}
    feed.due(now)
    starts = []
    cut = data.draw(st.integers(0, len(rows)))
    for i, (minutes, ago, detector, count) in enumerate(rows):
        now = at(minutes, now)
        if i == cut:
            feed = Feed(NAMES, 300.0, grace_s=0.0).restored(saved(feed))
        start = now - (now - MORNING) % np.timedelta64(300, "s") + np.timedelta64(300 * ago, "s")
        feed.take_one(now, start, NAMES[detector], float(count))
        last_word[str(start), detector] = float(count)
        for one in feed.due(now):
            told_veh[str(one.start)] = one.counts_veh
            starts += [one.start] if one.kind == "new" else []
    feed.due(at(0, now))
    for one in feed.due(at(30, now)):
        told_veh[str(one.start)] = one.counts_veh
        starts += [one.start] if one.kind == "new" else []
    assert starts == sorted(set(starts))
    assert not starts or len(starts) == int((starts[-1] - starts[0]) / np.timedelta64(300, "s")) + 1
    for (name, place), count_veh in last_word.items():
        assert told_veh[name][place] == count_veh


def saved(feed: Feed) -> Arrays:
    return {name: array.copy() for name, array in feed.arrays().items()}


def test_a_restored_feed_goes_on_and_another_ones_arrays_are_refused() -> None:
    feed = begun()
    feed.take(at(14), at(0), row(1, 2, 3))
    again = Feed(NAMES, 900.0).restored(feed.arrays())
    assert told(again.due(at(16))) == [("08:00", "new", [1, 2, 3])]
    with pytest.raises(ValueError, match="a ring of shape"):
        Feed(("A",), 900.0).restored(feed.arrays())
