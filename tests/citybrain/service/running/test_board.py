"""The board: a watcher who takes every event sees what one who takes the whole picture sees, and a slow one loses nothing but time."""

import base64
import json

import numpy as np
import pytest

from citybrain.service.board import (
    KEPT_EVENTS,
    MOST_SIGNALS,
    Board,
    Bytes,
    Picture,
    changes,
    congestion_changes,
    event,
    index_bytes,
    packed_congestion,
    queue_levels,
)  # fmt: skip
from signals.errors import ConfigError

N = 300


def picture(n: int, rng: np.random.Generator, before: Picture | None = None) -> Picture:
    """A picture by chance; a few signals differ from the one before."""

    def column(high: int, old: Bytes | None) -> Bytes:
        fresh = rng.integers(0, high, N).astype(np.uint8)
        return fresh if old is None else np.where(rng.random(N) < 0.1, fresh, old).astype(np.uint8)

    old = (
        [None] * 6 if before is None else [before.light, before.queue, before.mode, before.health, before.congestion, before.congestion_15]
    )
    highs = (8, 8, 4, 4, 200, 200)
    return Picture(n, float(n), *(column(high, one) for high, one in zip(highs, old, strict=True)))


def told(events: bytes, shown: dict[str, dict[int, tuple[int, int]]]) -> None:
    """Read events as a page does."""
    for one in events.decode().split("\n\n"):
        if not one:
            continue
        kind, _, data = one.partition("\n")
        kind = kind.removeprefix("event: ")
        if kind in "dwc":
            rows = np.frombuffer(base64.b64decode(json.loads(data.removeprefix("data: "))["b"]), dtype=np.uint8).reshape(-1, 4)
            where = shown.setdefault("c" if kind == "c" else "d", {})
            for low, high, third, fourth in rows.tolist():
                where[low + 256 * high] = (third, fourth)


def expected(of: Picture) -> dict[str, dict[int, tuple[int, int]]]:
    """The same, from the picture."""
    second = of.queue | (of.mode << 3) | (of.health << 5)
    return {"d": {i: (int(of.light[i]), int(second[i])) for i in range(N)}}


def test_who_takes_every_change_sees_the_whole_picture() -> None:
    rng, board, shown = np.random.default_rng(1), Board(N), {}  # type: ignore[var-annotated]
    watcher, last = board.subscribe(), None
    for n in range(1, 30):
        last = picture(n, rng, last)
        board.publish(last)
        told(watcher.get() or b"", shown)
    assert last is not None
    assert shown["d"] == expected(last)["d"]


def test_congestion_is_told_in_time() -> None:
    rng, board, shown = np.random.default_rng(2), Board(N), {}  # type: ignore[var-annotated]
    watcher, last = board.subscribe(), None
    for n in range(1, 31):
        last = picture(n, rng, last)
        board.publish(last)
        told(watcher.get() or b"", shown)
    assert last is not None and last.n % 5 == 0
    assert shown["c"] == {i: (int(last.congestion[i]), int(last.congestion_15[i])) for i in range(N)}


def test_a_slow_watcher_keeps_little_and_is_given_the_whole() -> None:
    rng, board, shown = np.random.default_rng(3), Board(N), {}  # type: ignore[var-annotated]
    watcher, last = board.subscribe(), None
    for n in range(1, 20 * KEPT_EVENTS):
        last = picture(n, rng, last)
        board.publish(last)
    while (some := watcher.get()) is not None:
        told(some, shown)
    assert last is not None
    assert shown["d"] == expected(last)["d"]


def test_figures_and_alarms_reach_who_comes_later() -> None:
    board = Board(N)
    board.publish(picture(1, np.random.default_rng(4)), {"queue_veh": float("nan")}, [])
    first = board.subscribe().get()
    assert first is not None and b'event: k\ndata: {"queue_veh": null}' in first and b"event: a\ndata: []" in first


def test_who_has_left_is_sent_nothing() -> None:
    board = Board(N)
    watcher = board.subscribe()
    watcher.close()
    assert board.watchers == 0
    board.publish(picture(1, np.random.default_rng(5)))
    assert board.latest() is not None


def test_nothing_is_shown_before_the_first_tick() -> None:
    assert Board(N).subscribe().get() is None


def test_a_city_beyond_two_bytes_is_refused() -> None:
    with pytest.raises(ConfigError, match="at most 65536"):
        Board(MOST_SIGNALS + 1)


@pytest.mark.parametrize(
    ("queue_veh", "level"), [(0, 0), (1, 1), (2, 1), (3, 2), (9, 3), (10, 4), (20, 5), (21, 6), (31, 7), (500, 7), (np.nan, 0)]
)
def test_queues_in_levels(queue_veh: float, level: int) -> None:
    assert queue_levels(np.array([queue_veh]))[0] == level


def test_an_index_is_a_byte_and_unknown_is_none() -> None:
    assert index_bytes(np.array([1.0, 1.5, 9.0, np.nan])).tolist() == [50, 75, 255, 0]


def test_an_unchanged_picture_costs_nothing() -> None:
    one = picture(1, np.random.default_rng(6))
    assert json.loads(changes(one, one))["b"] == ""
    assert json.loads(congestion_changes(packed_congestion(one), one))["b"] == ""
    assert event("k", "{}") == b"event: k\ndata: {}\n\n"
