import numpy as np
import pytest

from forecasting.peers import PEERS, departures, peers_of
from signals.types import Floats

HOURS = 28 * 24


def town(seed: int, detectors: int = 30) -> tuple[Floats, Floats]:
    """Counts and usual counts [bin, detector], 15-minute bins; 2, 5 and 9 share what happens, nobody else does."""
    rng = np.random.default_rng(seed)
    hour = np.arange(HOURS * 4) % 96 / 4.0
    usual_veh = 3.0 + 60.0 * np.exp(-((hour - 13.0) ** 2) / 18.0)[:, None] * np.ones(detectors)
    shared = np.exp(0.3 * np.repeat(rng.standard_normal(HOURS), 4))[:, None]
    counts_veh = rng.poisson(np.where(np.isin(np.arange(detectors), (2, 5, 9)), usual_veh * shared, usual_veh))
    return counts_veh.astype(np.float64), usual_veh


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_who_departs_together_are_peers_and_nobody_else(seed: int) -> None:
    peers = peers_of(*town(seed), 4)
    assert {d: set(peers[d][peers[d] >= 0].tolist()) for d in (2, 5, 9)} == {2: {5, 9}, 5: {2, 9}, 9: {2, 5}}
    assert (np.delete(peers, (2, 5, 9), axis=0) >= 0).sum() <= 1


@pytest.mark.parametrize("fault", ["dead on the same days", "rescaled from the same day on", "the same wild hours"])
def test_who_fails_at_the_same_time_is_no_peer(fault: str) -> None:
    counts_veh, usual_veh = town(4)
    match fault:
        case "dead on the same days":
            counts_veh[96 * 5 : 96 * 9, 12:16] = 0.0
        case "rescaled from the same day on":
            counts_veh[96 * 14 :, 12:16] *= 0.5
        case _:
            counts_veh[400:420, 12:16] = 5000.0
    peers = peers_of(counts_veh, usual_veh, 4)[12:16]
    assert not np.isin(peers, np.arange(12, 16)).any()


@pytest.mark.parametrize("detectors", [1, 2, 4])
def test_few_detectors_have_few_peers(detectors: int) -> None:
    counts_veh, usual_veh = town(5, detectors)
    peers = peers_of(counts_veh, usual_veh, 4)
    assert peers.shape == (detectors, PEERS)
    assert (peers >= 0).sum(axis=1).max() < detectors


def test_gaps_are_no_departure() -> None:
    counts_veh, usual_veh = town(6)
    counts_veh[:200, 3] = np.nan
    counts_veh[:, 4] = np.nan
    standard = departures(counts_veh, usual_veh, 4)
    assert np.isfinite(standard).all()
    np.testing.assert_allclose((standard**2).sum(axis=0)[np.arange(30) != 4], 1.0, rtol=1e-4)
    assert (peers_of(counts_veh, usual_veh, 4)[4] == -1).all()


def test_less_than_an_hour_tells_nothing() -> None:
    counts_veh, usual_veh = town(7)
    assert (peers_of(counts_veh[:3], usual_veh[:3], 4) == -1).all()
