"""A small network, its default catalogue, and batches that a street would send."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from citybrain.intake.batch import Samples, Tracks
from citybrain.intake.catalogue import Catalogue
from citybrain.intake.sample_log import SampleLog
from signals.types import Network

Sampled = Callable[..., Samples]


@pytest.fixture(scope="session")
def catalogue(grid: Network) -> Catalogue:
    """One sensor a kind and movement of the grid."""
    return Catalogue.of(grid)


@pytest.fixture
def sampled() -> Sampled:
    """`sampled([3, 4], 10.0, [1.0, 2.0])`: samples at one time."""

    def made(sensor: list[int], at_s: float | list[float], value: float | list[float], source: str = "loops") -> Samples:
        n = len(sensor)
        at = np.array(at_s if isinstance(at_s, list) else [at_s] * n, np.float64)
        values = np.array(value if isinstance(value, list) else [value] * n, np.float32)
        return Samples(source, np.array(sensor, np.int32), at, values)

    return made


@pytest.fixture
def tracked() -> Callable[..., Tracks]:
    """`tracked(10.0, {0: [(lane, movement, distance_m, speed_mps)]})`: snapshots by signal."""

    def made(at_s: float, rows: dict[int, list[tuple[int, int, float, float]]], source: str = "cameras") -> Tracks:
        table = np.array([row for one in rows.values() for row in one]).reshape(-1, 4)
        return Tracks(
            source, np.array(list(rows), np.int32), np.full(len(rows), at_s), np.array([len(one) for one in rows.values()], np.int32),
            table[:, 0].astype(np.int32), table[:, 1].astype(np.int32), table[:, 2].astype(np.float32), table[:, 3].astype(np.float32),
        )  # fmt: skip

    return made


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SampleLog]:
    """An empty log."""
    with SampleLog(tmp_path / "log") as one:
        yield one
