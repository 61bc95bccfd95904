"""Bands on the clock by hand; the exact search against brute force and against the mixed-integer programmes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from signals.errors import SignalsError
from signals.kernels import progression
from signals.planners.progression import Arterial, GreenWave, green_wave, maxband, multiband
from signals.types import Floats

COMPILED_AND_PLAIN = pytest.mark.parametrize("plain", [False, True], ids=["compiled", "py_func"])
RATIOS = pytest.mark.parametrize("ratio", [0.0, 0.5, 1.0])


def kernel(name: str, plain: bool) -> Callable[..., Any]:
    """A kernel of the module, compiled or as plain Python."""
    function = getattr(progression, name)
    chosen: Callable[..., Any] = function.py_func if plain else function
    return chosen


def symmetric(spacing_s: list[float], green: float = 0.5) -> Arterial:
    """The same green both ways at the same time; travel times between neighbours both ways [s]."""
    n = len(spacing_s) + 1
    travel_s = np.concatenate(([0.0], np.cumsum(spacing_s)))
    return Arterial(np.full(n, green), np.full(n, green), ((0.0,),) * n, travel_s, travel_s)


def crooked(n: int, seed: int, orders: int = 1) -> Arterial:
    """An arterial without any symmetry."""
    rng = np.random.default_rng(seed)
    there_s, back_s = (np.concatenate(([0.0], np.cumsum(rng.uniform(10.0, 45.0, n - 1)))) for _ in range(2))
    after = tuple(tuple(rng.uniform(-0.2, 0.2, orders).tolist()) for _ in range(n))
    return Arterial(rng.uniform(0.3, 0.6, n), rng.uniform(0.3, 0.6, n), after, there_s, back_s)


def measured(arterial: Arterial, wave: GreenWave) -> tuple[float, float]:
    """Outbound and inbound band that the starts of a wave really leave [s]."""
    c = wave.cycle_s
    after = np.array([some[k] for some, k in zip(arterial.back_after, wave.choice, strict=True)])
    out_s = progression.band(wave.start_s, arterial.green * c, arterial.travel_s, c)[1]
    back_s = progression.band(wave.start_s + after * c, arterial.back_green * c, -arterial.back_s, c)[1]
    return out_s, back_s


def brute_force_s(arterial: Arterial, cycle_s: float, ratio: float, step_s: float) -> float:
    """Largest b + b_back over all offsets on a grid that leave both, b cut to b_back / ratio [s]."""
    after = np.array([some[0] for some in arterial.back_after]) * cycle_s
    best_s = 0.0
    for rest in np.ndindex(*(int(cycle_s / step_s),) * (arterial.green.size - 1)):
        start_s = np.array([0.0, *rest]) * np.array([1.0, *(step_s,) * len(rest)])
        out_s = progression.band(start_s, arterial.green * cycle_s, arterial.travel_s, cycle_s)[1]
        back_s = progression.band(start_s + after, arterial.back_green * cycle_s, -arterial.back_s, cycle_s)[1]
        if out_s <= 0.0 or back_s <= 0.0:
            continue
        best_s = max(best_s, back_s + (min(out_s, back_s / ratio) if ratio > 0.0 else out_s))
    return best_s


BANDS: list[tuple[str, list[float], list[float], list[float], float]] = [
    ("offsets that follow the platoon keep the whole green", [0.0, 20.0, 50.0], [30.0] * 3, [0.0, 20.0, 50.0], 30.0),
    ("the shortest green is the band at most", [0.0, 20.0, 50.0], [30.0, 12.0, 30.0], [0.0, 20.0, 50.0], 12.0),
    ("ten seconds late cost ten seconds", [0.0, 30.0], [30.0, 30.0], [0.0, 20.0], 20.0),
    ("a green across the end of the cycle is one green", [55.0, 10.0], [20.0, 20.0], [0.0, 15.0], 20.0),
    ("who meets red has no band", [0.0, 50.0], [20.0, 20.0], [0.0, 20.0], 0.0),
    ("a signal that is always green does not count", [0.0, 7.0], [25.0, 60.0], [0.0, 41.0], 25.0),
]


@COMPILED_AND_PLAIN
@pytest.mark.parametrize(("start_s", "green_s", "travel_s", "width_s"), [row[1:] for row in BANDS], ids=[row[0] for row in BANDS])
def test_a_band_is_what_all_greens_moved_back_have_in_common(
    start_s: list[float], green_s: list[float], travel_s: list[float], width_s: float, plain: bool
) -> None:
    begins_s, found_s = kernel("band", plain)(np.array(start_s), np.array(green_s), np.array(travel_s), 60.0)
    assert found_s == pytest.approx(width_s)
    if width_s > 0.0:  # its first vehicle meets green everywhere
        passes_s = progression.arrives_s(begins_s, np.array(travel_s), 60.0)
        assert all((t - s) % 60.0 <= g or g == 60.0 for t, s, g in zip(passes_s, start_s, green_s, strict=True))


@pytest.mark.parametrize(
    ("spacing_s", "both_s"),
    [([30.0, 30.0, 30.0], 30.0), ([60.0, 60.0], 30.0), ([15.0], 15.0), ([15.0, 15.0], 15.0), ([20.0], 20.0)],
    ids=["half a cycle apart: alternate", "a cycle apart: simultaneous", "a quarter", "two quarters: double alternate", "a third"],
)
def test_textbook_symmetric_arterials_have_the_bands_of_their_spacing(spacing_s: list[float], both_s: float) -> None:
    # Cycle 60 s, green 30 s both ways at once: alternate signals give the whole green, quarter spacing half of it (Morgan and Little 1964).
    wave = green_wave(symmetric(spacing_s), np.array([60.0]), ratio=1.0)
    assert (wave.out_s[0], wave.back_s[0]) == pytest.approx((both_s, both_s))


@RATIOS
@pytest.mark.parametrize("seed", range(6))
def test_the_exact_search_finds_at_least_what_brute_force_finds(seed: int, ratio: float) -> None:
    arterial, cycle_s, step_s = crooked(3, seed), 60.0, 2.0
    wave = green_wave(arterial, np.array([cycle_s]), ratio)
    grid_s = brute_force_s(arterial, cycle_s, ratio, step_s)
    found_s = float(wave.out_s[0] + wave.back_s[0])
    assert grid_s - 1e-6 <= found_s
    assert found_s <= grid_s + 4.0 * step_s / max(ratio, 0.5)


@RATIOS
@pytest.mark.parametrize("n", [2, 5, 9])
def test_the_exact_search_equals_maxband_at_one_cycle(n: int, ratio: float) -> None:
    arterial = crooked(n, seed=n)
    fast, milp = green_wave(arterial, np.array([80.0]), ratio), maxband(arterial, (80.0, 80.0), ratio)
    assert fast.out_s[0] + fast.back_s[0] == pytest.approx(milp.out_s[0] + milp.back_s[0], abs=1e-3)
    for wave in (fast, milp):
        out_s, back_s = measured(arterial, wave)
        assert out_s >= wave.out_s[0] - 1e-3
        assert back_s >= wave.back_s[0] - 1e-3
        assert wave.back_s[0] >= ratio * wave.out_s[0] - 1e-3


def test_the_plain_search_equals_the_compiled_one() -> None:
    one = crooked(4, 3)
    after = np.array([some[0] for some in one.back_after])
    for ratio in (0.0, 1.0):
        arguments = (one.green * 70.0, one.back_green * 70.0, after * 70.0, one.travel_s, one.back_s, 70.0, ratio)
        fast = progression.widest(*arguments)
        with pytest.MonkeyPatch.context() as patch:
            for name in ("widths_at", "meeting_times_s"):
                patch.setattr(progression, name, kernel(name, plain=True))
            plain = kernel("widest", plain=True)(*arguments)
        np.testing.assert_allclose(plain.start_s, fast.start_s)
        assert (plain.out_s, plain.back_s) == pytest.approx((fast.out_s, fast.back_s))


def test_a_green_longer_than_the_cycle_has_no_answer() -> None:
    ones = np.array([70.0, 30.0])
    found = progression.widest(ones, ones, np.zeros(2), np.zeros(2), np.zeros(2), 60.0, 0.0)
    assert np.isnan(found.start_s).all()


def test_a_free_cycle_and_free_stage_orders_give_no_less() -> None:
    arterial = crooked(6, 11, orders=2)
    fixed = maxband(Arterial(arterial.green, arterial.back_green, tuple((a[0],) for a in arterial.back_after), arterial.travel_s,
                             arterial.back_s), (60.0, 100.0), 1.0)  # fmt: skip
    free = maxband(arterial, (60.0, 100.0), 1.0)
    whole = green_wave(arterial, np.arange(60.0, 101.0), 1.0)
    assert free.efficiency >= fixed.efficiency - 1e-6
    assert fixed.efficiency >= whole.efficiency - 1e-6
    assert measured(arterial, free) >= (free.out_s[0] - 1e-3, 0.0)


def test_multiband_is_at_least_as_wide_as_maxband_and_favours_the_busy_section() -> None:
    arterial = crooked(6, 4)
    cycles_s = (70.0, 70.0)
    uniform, free = maxband(arterial, cycles_s), multiband(arterial, cycles_s)
    assert free.out_s.sum() + free.back_s.sum() >= uniform.out_s.sum() + uniform.back_s.sum() - 1e-3
    heavy = np.array([1.0, 1.0, 1.0, 1.0, 9.0])
    busy = multiband(Arterial(arterial.green, arterial.back_green, arterial.back_after, arterial.travel_s, arterial.back_s, heavy, heavy),
                     cycles_s)  # fmt: skip
    assert busy.out_s[4] + busy.back_s[4] >= free.out_s[4] + free.back_s[4] - 1e-3


def test_many_arterials_at_once_equal_each_by_itself() -> None:
    some = [crooked(4, 1), crooked(3, 2)]
    cycles_s: Floats = np.arange(60.0, 90.0, 5.0)

    def padded(rows: list[Floats]) -> Floats:
        found = np.zeros((2, 4))
        for k, row in enumerate(rows):
            found[k, : row.size] = row
        return found

    columns = [
        padded([a.green for a in some]),
        padded([a.back_green for a in some]),
        padded([np.array([x[0] for x in a.back_after]) for a in some]),
        padded([a.travel_s for a in some]),
        padded([a.back_s for a in some]),
    ]
    found = progression.widest_of_many(np.array([4, 3]), *columns, cycles_s, 1.0)
    for row, one in zip(found, some, strict=True):
        wave = green_wave(one, cycles_s, 1.0)
        assert row[:3] == pytest.approx([wave.cycle_s, wave.out_s[0], wave.back_s[0]])
        np.testing.assert_allclose(row[3 : 3 + one.green.size], wave.start_s)


@pytest.mark.parametrize("cycles_s", [(0.0, 60.0), (90.0, 60.0)])
def test_a_cycle_range_without_sense_is_an_error(cycles_s: tuple[float, float]) -> None:
    with pytest.raises(SignalsError, match="expected 2 signals and a range above 0"):
        maxband(crooked(3, 1), cycles_s)
