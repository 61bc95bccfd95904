"""A sender speaks for the sensors and signals that its key names, and for no others: nothing of such a delivery is taken."""

from dataclasses import replace

import numpy as np
import pytest

from citybrain.intake.batch import IntakeError, Samples, Tracks, no_samples, no_tracks
from citybrain.intake.catalogue import Catalogue
from citybrain.intake.frame import Frame
from citybrain.intake.names import Listed
from citybrain.intake.scope import MOST_KEPT, Scopes, first_outside, scope_of
from signals.types import Network


@pytest.fixture(scope="module")
def catalogue(grid: Network) -> Catalogue:
    """One sensor a kind and movement."""
    return Catalogue.of(grid)


def samples(numbers: list[int]) -> Frame:
    """Of these sensors."""
    n = len(numbers)
    return Frame(Samples("radar", np.array(numbers, np.int32), np.zeros(n), np.zeros(n, np.float32)), no_tracks("radar"))


def snapshots(signals: list[int]) -> Frame:
    """Empty ones of these signals."""
    n, none, few = len(signals), np.empty(0, np.int32), np.empty(0, np.float32)
    views = Tracks("radar", np.array(signals, np.int32), np.zeros(n), np.zeros(n, np.int32), none, none, few, few)
    return Frame(no_samples("radar"), views)


def within(patterns: tuple[str, ...], grid: Network, catalogue: Catalogue) -> tuple[set[str], set[str]]:
    """Names of sensors and signals that may be told of, asked one by one."""
    scopes, sensors, signals = Scopes(grid, catalogue), set(), set()
    for found, name, number, make in (
        (sensors, catalogue.names.__getitem__, len(catalogue), samples),
        (signals, lambda i: grid.signals[i].id, len(grid.signals), snapshots),
    ):
        for k in range(number):
            try:
                scopes.check(make([k]), patterns)
            except IntakeError:
                continue
            found.add(name(k))
    return sensors, signals


@pytest.mark.parametrize(
    ("patterns", "start", "signals"),
    [
        (("*",), ("A", "B"), {"A0", "A1", "B0", "B1"}),
        (("A0",), ("A0/",), {"A0"}),
        (("A*",), ("A",), {"A0", "A1"}),
        (("A0", "B1"), ("A0/", "B1/"), {"A0", "B1"}),
        (("A0/queue/*", "B1"), ("A0/queue/", "B1/"), {"B1"}),
        (("?0/count/*",), ("A0/count/", "B0/count/"), set()),
        (("C9",), (), set()),
        ((), (), set()),
    ],
)
def test_a_pattern_means_signals_or_sensors_by_name(
    grid: Network, catalogue: Catalogue, patterns: tuple[str, ...], start: tuple[str, ...], signals: set[str]
) -> None:
    every = [catalogue.names[k] for k in range(len(catalogue))]
    assert within(patterns, grid, catalogue) == ({name for name in every if name.startswith(start)}, signals)


def test_one_foreign_sample_is_enough_to_refuse_all_and_is_named(grid: Network, catalogue: Catalogue) -> None:
    scopes = Scopes(grid, catalogue)
    own = [k for k in range(len(catalogue)) if catalogue.names[k].startswith("A0/")]
    foreign = next(k for k in range(len(catalogue)) if catalogue.names[k].startswith("B1/"))
    scopes.check(samples(own), ("A0",))
    name = catalogue.names[foreign]
    with pytest.raises(IntakeError, match=f"data of sensor {name}, and this key speaks for A0 only; nothing of it was taken"):
        scopes.check(samples([*own, foreign]), ("A0",))
    with pytest.raises(IntakeError, match="a snapshot of signal B1, and this key speaks for A0 only"):
        scopes.check(snapshots([0, 3]), ("A0",))
    scopes.check(samples([-1, len(catalogue), 2**31 - 1]), ("A0",))  # of nobody: the gate counts them as unknown
    with pytest.raises(IntakeError, match="speaks for none only"):
        scopes.check(samples([0]), ())


def test_a_sensor_that_watches_two_signals_is_of_who_speaks_for_both(grid: Network) -> None:
    base = Catalogue.of(grid)
    names = Listed(tuple(f"loop{k}" for k in range(len(base))))
    last = int(base.link_movement.max())
    shared = replace(
        base, names=names, link_sensor=np.append(base.link_sensor, 0).astype(np.int32),
        link_movement=np.append(base.link_movement, last).astype(np.int32), link_share=np.append(base.link_share, 1.0).astype(np.float32),
    )  # fmt: skip
    assert "loop0" not in within(("A0",), grid, shared)[0] and "loop1" in within(("A0",), grid, shared)[0]
    assert "loop0" in within(("A0", "B1"), grid, shared)[0]
    assert within(("loop1?",), grid, shared) == ({f"loop1{k}" for k in range(10)}, set())


def test_what_patterns_mean_is_kept_for_a_few_keys(grid: Network, catalogue: Catalogue) -> None:
    scopes = Scopes(grid, catalogue)
    for k in range(MOST_KEPT + 5):
        scopes.check(samples([]), (f"A{k}",))
    assert len(scopes._known) == MOST_KEPT


def test_the_kernel_is_the_same_compiled_and_not(grid: Network, catalogue: Catalogue) -> None:
    scope = scope_of(("A0",), grid, catalogue)
    numbers = np.arange(-2, len(catalogue) + 2, dtype=np.int32)
    for size in (0, 3, len(catalogue)):
        assert first_outside(numbers, scope.sensors, size) == first_outside.py_func(numbers, scope.sensors, size)
