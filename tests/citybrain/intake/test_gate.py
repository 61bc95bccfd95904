"""Every sample is judged: late, doubled, out of order, from the future, impossible or unknown; all are counted, none is judged twice."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citybrain.intake import gate as gates
from citybrain.intake.batch import Samples, Tracks
from citybrain.intake.catalogue import Catalogue
from citybrain.intake.gate import Gate, Verdict

Sampled = Callable[..., Samples]
COUNT, QUEUE = 0, 1
NOW_S = 10_000.0
GOOD, LATE, DUPLICATE, TOO_LATE, FUTURE, IMPOSSIBLE, UNKNOWN = Verdict


def verdicts(gate: Gate, samples: Samples, now_s: float = NOW_S) -> dict[Verdict, int]:
    """How many of each."""
    return {v: int(n) for v, n in zip(Verdict, gate.samples(samples, now_s).number, strict=True) if n}


@pytest.mark.parametrize(
    ("sensor", "at_s", "value", "verdict"),
    [
        (QUEUE, NOW_S, 3.0, GOOD),
        (QUEUE, NOW_S + 5.0, 3.0, GOOD),
        (QUEUE, NOW_S + 5.1, 3.0, FUTURE),
        (QUEUE, NOW_S - 3600.0, 3.0, GOOD),
        (QUEUE, NOW_S - 3601.0, 3.0, TOO_LATE),
        (QUEUE, np.nan, 3.0, IMPOSSIBLE),
        (QUEUE, np.inf, 3.0, IMPOSSIBLE),
        (QUEUE, NOW_S, np.nan, IMPOSSIBLE),
        (QUEUE, NOW_S, np.inf, IMPOSSIBLE),
        (QUEUE, NOW_S, -1.0, IMPOSSIBLE),
        (QUEUE, NOW_S, 1e6, IMPOSSIBLE),
        (-1, NOW_S, 3.0, UNKNOWN),
        (2**31 - 1, NOW_S, 3.0, UNKNOWN),
    ],
)
def test_a_first_sample_is_judged_by_itself(
    catalogue: Catalogue, sampled: Sampled, sensor: int, at_s: float, value: float, verdict: Verdict
) -> None:
    assert verdicts(Gate(catalogue), sampled([sensor], at_s, value)) == {verdict: 1}


@pytest.mark.parametrize(
    ("times_s", "expected"),
    [
        ([1.0, 2.0, 3.0], [GOOD, GOOD, GOOD]),
        ([2.0, 2.0, 1.0, 1.0, 2.0], [GOOD, DUPLICATE, LATE, DUPLICATE, DUPLICATE]),
        ([*range(20), 11, 12, 10.5, 12.5], [*[GOOD] * 20, TOO_LATE, DUPLICATE, TOO_LATE, LATE]),
        ([100.0, *range(50)], [GOOD, *[LATE] * 50]),
    ],
    ids=["in order", "doubled", "older than is remembered", "a gap filled later"],
)
def test_what_comes_twice_is_noticed_also_when_it_comes_late(
    catalogue: Catalogue, sampled: Sampled, times_s: list[float], expected: list[Verdict]
) -> None:
    gate = Gate(catalogue)
    found = [next(iter(verdicts(gate, sampled([QUEUE], float(t), 1.0), 100.0))) for t in times_s]
    assert found == expected


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 12)), max_size=40), st.integers(1, 7))
def test_however_a_feed_is_cut_doubled_and_mixed_no_sample_is_accepted_twice(
    catalogue: Catalogue, feed: list[tuple[int, int]], size: int
) -> None:
    gate, accepted = Gate(catalogue), []
    for k in range(0, len(feed), size):
        part = feed[k : k + size]
        samples = Samples(
            "s", np.array([s for s, _ in part], np.int32), np.array([t for _, t in part], np.float64), np.ones(len(part), np.float32)
        )
        judged = gate.samples(samples, 12.0)
        for one in (judged.good, judged.late):
            accepted += list(zip(one.sensor.tolist(), one.at_s.tolist(), strict=True))
        assert judged.number.sum() == len(part)
    assert len(accepted) == len(set(accepted))
    assert {s for s, _ in accepted} == {s for s, _ in feed}


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.sampled_from([0.0, 1.7e9, 2.0**32 / 1024 - 3.0, 3 * 2.0**32 / 1024 - 3.0]),
    st.lists(st.tuples(st.integers(0, 12), st.sampled_from([0.0, 0.25, 1e-4])), max_size=40),
)
def test_wherever_the_clock_stands_times_of_one_tick_are_accepted_once(
    catalogue: Catalogue, origin_s: float, feed: list[tuple[int, float]]
) -> None:
    gate, accepted, newest_s = Gate(catalogue), [], -np.inf
    for second, rest_s in feed:
        t = origin_s + second + rest_s
        one = Samples("s", np.array([QUEUE], np.int32), np.array([t]), np.ones(1, np.float32))
        (verdict,) = verdicts(gate, one, origin_s + 12.5)
        if verdict in (GOOD, LATE):
            assert (verdict == GOOD) == (t > newest_s)
            accepted.append((second, rest_s, verdict))
            newest_s = max(newest_s, t)
    late = [(second, rest_s > 0.1) for second, rest_s, verdict in accepted if verdict == LATE]
    assert len(late) == len(set(late))
    good = {(second, rest_s > 0.1) for second, rest_s, verdict in accepted if verdict == GOOD}
    assert not good.intersection(late)


def test_after_months_of_silence_the_same_tick_is_new(catalogue: Catalogue, sampled: Sampled) -> None:
    gate, turn_s = Gate(catalogue), 2.0**32 / 1024
    for t in (NOW_S - 1.0, NOW_S):
        assert verdicts(gate, sampled([QUEUE], t, 1.0), NOW_S) == {GOOD: 1}
    assert verdicts(gate, sampled([QUEUE], NOW_S + turn_s, 1.0), NOW_S + turn_s) == {GOOD: 1}
    assert verdicts(gate, sampled([QUEUE], NOW_S + turn_s - 1.0, 1.0), NOW_S + turn_s) == {LATE: 1}


def test_a_count_may_be_as_large_as_its_time_is_long(catalogue: Catalogue, sampled: Sampled) -> None:
    gate = Gate(catalogue)
    assert verdicts(gate, sampled([COUNT], NOW_S - 60.0, 0.0)) == {GOOD: 1}
    most = float(catalogue.largest[COUNT])
    assert verdicts(gate, sampled([COUNT], NOW_S, 60.0 * most)) == {GOOD: 1}
    assert verdicts(gate, sampled([COUNT], NOW_S + 1.0, 2.0 * most)) == {IMPOSSIBLE: 1}
    assert verdicts(gate, sampled([COUNT], NOW_S + 1.0, most)) == {GOOD: 1}


def test_impossible_samples_are_remembered_of_their_sensor_and_good_ones_make_up_for_them(catalogue: Catalogue, sampled: Sampled) -> None:
    gate = Gate(catalogue)
    for k in range(300):
        gate.samples(sampled([QUEUE], NOW_S + 0.001 * k, -1.0), NOW_S)
    assert gate.impossible[QUEUE] == gates.MOST_IMPOSSIBLE
    gate.samples(sampled([QUEUE], NOW_S + 1.0, 1.0), NOW_S)
    assert gate.impossible[QUEUE] == gates.MOST_IMPOSSIBLE - 1


def test_when_the_streets_clock_goes_back_the_same_times_are_new_again(catalogue: Catalogue, sampled: Sampled) -> None:
    gate = Gate(catalogue)
    for at_s in range(9_990, 10_000):
        gate.samples(sampled([QUEUE], float(at_s), 1.0), NOW_S)
    for at_s in (100.0, 101.0):
        assert verdicts(gate, sampled([QUEUE], at_s, 1.0), 101.0) == {GOOD: 1}
    assert gate.newest_s["loops"] == 101.0


def test_a_source_that_is_slow_holds_the_watermark_and_one_that_is_gone_does_not(catalogue: Catalogue, sampled: Sampled) -> None:
    gate = Gate(catalogue)
    assert gate.watermark_s(NOW_S, 120.0) == NOW_S
    for name, at_s in (("a", NOW_S), ("b", NOW_S - 30.0), ("gone", NOW_S - 500.0)):
        gate.samples(sampled([QUEUE], at_s, 1.0, name), NOW_S)
    assert gate.watermark_s(NOW_S, 120.0) == NOW_S - 30.0


def test_numbers_are_kept_by_source_and_many_names_do_not_fill_the_memory(
    catalogue: Catalogue, sampled: Sampled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gates, "MOST_SOURCES", 3)
    gate = Gate(catalogue)
    for k in range(10):
        gate.samples(sampled([QUEUE, QUEUE], NOW_S - 10.0 + k, 1.0, f"s{k}"), NOW_S)
    assert sorted(gate.number) == ["s7", "s8", "s9"] == sorted(gate.newest_s)
    assert gate.number["s9"].tolist() == [1, 0, 1, 0, 0, 0, 0]


def test_snapshots_of_other_times_and_of_no_signal_are_left_out(catalogue: Catalogue, tracked: Callable[..., Tracks]) -> None:
    gate = Gate(catalogue)
    rows = {i: [(i, 0, 5.0, 1.0)] * (i % 3) for i in (0, 1, 2, 3, 9)}
    sent = tracked(NOW_S, rows)
    sent.at_s[:3] = [NOW_S + 60.0, np.nan, NOW_S - 4000.0]
    kept = gate.tracks(sent, NOW_S, 4)
    assert (kept.signal.tolist(), kept.vehicles.tolist(), kept.lane.tolist()) == ([3], [0], [])
    assert gate.number["cameras"].tolist() == [1, 0, 0, 1, 1, 1, 1]
    whole = tracked(NOW_S, {1: rows[1]})
    assert gate.tracks(whole, NOW_S, 4) is whole


def test_the_kernel_does_the_same_uncompiled(catalogue: Catalogue) -> None:
    rng = np.random.default_rng(8)
    n = 300
    sensor = rng.integers(-1, 3, n).astype(np.int32)
    at_s, value = NOW_S - rng.integers(-8, 12, n).astype(np.float64), rng.choice([0, 1, 50, -1, np.nan], n).astype(np.float32)
    codes = []
    for judge in (gates.judge, gates.judge.py_func):
        g = Gate(catalogue)
        memory = g._ticks, g._held, g._newest_s, g._forgotten_s, g.impossible
        codes.append(judge(sensor, at_s, value, NOW_S, 5.0, 3600.0, g._counts, g._largest, g._period_s, *memory).tolist())
    assert codes[0] == codes[1]
    assert {0, 1, 2, 4, 5, 6} <= set(codes[0])
