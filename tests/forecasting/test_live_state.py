import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forecasting.fitted import FittedForecaster
from forecasting.history import FlowHistory
from forecasting.interval import ends_s, recent
from forecasting.live_state import FILE, Live, load, save
from forecasting.models import fit_forecaster
from forecasting.tracker import Tracker
from signals.errors import ForecastError
from signals.types import Floats

OF = "0123456789abcdef"
HOURLY = 24


@pytest.fixture(scope="module")
def hourly(site: FlowHistory) -> FlowHistory:
    return site.in_bins(3600.0)


@pytest.fixture(scope="module")
def fits(hourly: FlowHistory) -> Callable[[str], FittedForecaster]:
    return cache(lambda name: fit_forecaster(hourly.between(0, 14 * HOURLY), name, leads=2))


def live(fitted: FittedForecaster, history: FlowHistory, last: int) -> Live:
    """A tracker that has followed the history from its fifteenth day on to the bin `last`."""
    first = 14 * HOURLY
    tracker = Tracker(fitted, ends_s(history, first), recent(history, first, fitted.model.window_bins))
    for origin in range(first, last):
        tracker.observe(history.counts_veh[origin])
    return Live(tracker, history.time(last), recent(history, last, 5).astype(np.float32))


def told(tracker: Tracker, history: FlowHistory, first: int) -> Floats:
    out = []
    for origin in range(first, min(first + 30, history.bins)):
        forecast = tracker.forecast()
        out.append((forecast.flow_veh_h, forecast.low_veh_h, forecast.high_veh_h))
        tracker.observe(history.counts_veh[origin])
    return np.array(out)


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(["residual", "ridge", "week"]), cut=st.integers(0, 5 * HOURLY))
def test_wherever_it_is_cut_it_goes_on_exactly(
    name: str, cut: int, hourly: FlowHistory, fits: Callable[[str], FittedForecaster], tmp_path: Path
) -> None:
    last = 14 * HOURLY + cut
    whole = live(fits(name), hourly, last)
    save(whole, OF, tmp_path)
    again = load(fits(name), OF, tmp_path)
    assert again.next_at == whole.next_at
    np.testing.assert_array_equal(again.log_veh, whole.log_veh)
    np.testing.assert_array_equal(told(again.tracker, hourly, last), told(whole.tracker, hourly, last))


def packed(**changed: np.ndarray | None) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        with np.load(path) as opened:
            arrays = {name: changed.get(name, opened[name]) for name in opened.files}
        np.savez(path, **{name: array for name, array in arrays.items() if array is not None})

    return damage


def head(**changed: object) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        with np.load(path) as opened:
            found = json.loads(opened["head"].tobytes()) | changed
        packed(head=np.frombuffer(json.dumps(found).encode(), dtype=np.uint8))(path)

    return damage


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-700])


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    place = data.find(b"tracker_log_detector.npy") + 170
    data[place] ^= 0x40
    path.write_bytes(bytes(data))


def compressed(path: Path) -> None:
    with np.load(path) as opened:
        arrays = {name: opened[name] for name in opened.files}
    np.savez_compressed(path, **arrays)


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (Path.unlink, "no state can be read"),
    "truncated": (truncated, "no state can be read"),
    "a bit flipped": (flipped, "no state can be read"),
    "empty": (lambda path: path.write_bytes(b""), "no state can be read"),
    "compressed": (compressed, "its arrays are compressed"),
    "pickle inside": (packed(tracker_next_s=np.array([{"run": "me"}], dtype=object)), "no state can be read"),
    "text inside": (packed(tracker_next_s=np.array("Monday")), "holds no numbers"),
    "no head": (packed(head=None), "no state of a forecaster"),
    "a head that is no object": (packed(head=np.frombuffer(b"[1]", dtype=np.uint8)), "no state of a forecaster"),
    "other layout": (head(layout=7), "layout 7 of the state, expected 1"),
    "another forecaster's": (head(of="feed"), "the state of another forecaster"),
    "no time": (head(next_at="soon"), "no state of a forecaster"),
    "an array missing": (packed(tracker_recent_veh=None), "the saved state does not fit"),
    "other detectors": (packed(tracker_log_detector=np.zeros(7)), "the saved state does not fit"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_broken_state_is_one_sentence(name: str, hourly: FlowHistory, fits: Callable[[str], FittedForecaster], tmp_path: Path) -> None:
    damage, sentence = DAMAGE[name]
    save(live(fits("residual"), hourly, 15 * HOURLY), OF, tmp_path)
    damage(tmp_path / FILE)
    with pytest.raises(ForecastError, match=sentence) as caught:
        load(fits("residual"), OF, tmp_path)
    assert "\n" not in str(caught.value) and FILE in str(caught.value)


def test_a_place_that_cannot_be_written_is_one_sentence(
    hourly: FlowHistory, fits: Callable[[str], FittedForecaster], tmp_path: Path
) -> None:
    with pytest.raises(ForecastError, match="cannot be written"):
        save(live(fits("residual"), hourly, 15 * HOURLY), OF, tmp_path / "none")
