"""Claims about eyes without prices: what may be chosen is what the lookahead allows, and everything else is seen as well."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from rl import features
from rl.observation import Eyes, allowed
from rl.unpriced import unpriced_eyes
from signals.types import Network, Observation, SafetyEnvelope

PRICES = [features.EXCESS, features.EXCESS_FINE, features.CHEAPEST, features.LEAST_PRICE]


@pytest.mark.parametrize("ages_s", [(20.0, 20.0), (3.0, 20.0), (-2.0, 8.0), (0.0, -1.0)])
def test_the_same_phases_may_be_chosen_and_all_but_prices_is_the_same(
    network: Network, limits: tuple[SafetyEnvelope, ...], sees: Callable[..., Observation], ages_s: tuple[float, float]
) -> None:
    seen = replace(sees(now_s=100.0), age_s=np.array(ages_s))
    priced, without = Eyes(network, limits).rows(seen, None), unpriced_eyes(network, limits).rows(seen, None)
    assert allowed(without).tolist() == allowed(priced).tolist()
    others = [k for k in range(features.WIDTH) if k not in PRICES]
    assert without[..., others].tolist() == priced[..., others].tolist()


def test_every_phase_that_may_be_chosen_is_as_cheap_as_any(
    network: Network, limits: tuple[SafetyEnvelope, ...], sees: Callable[..., Observation]
) -> None:
    rows = unpriced_eyes(network, limits).rows(replace(sees(now_s=100.0), age_s=np.full(2, 20.0)), None)
    assert rows[..., features.EXCESS].max() == rows[..., features.LEAST_PRICE].max() == 0.0
    assert rows[..., features.CHEAPEST][allowed(rows)].tolist() == [1.0] * int(allowed(rows).sum())
