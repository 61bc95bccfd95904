"""Fit for automatic control or not: with patience both ways."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from citybrain.service.fitness import FIT_AFTER_S, UNFIT_AFTER_S, Fitness
from citybrain.service.street import DEGRADED, FLASH, OK, SILENT
from signals.layout import lay_out
from signals.types import Network, Observation

Look = Callable[[Network, float, int], Observation]


@pytest.mark.parametrize("code", [SILENT, FLASH, DEGRADED])
def test_trouble_that_lasts_makes_a_signal_unfit_and_only_lasting_health_makes_it_fit(grid: Network, look: Look, code: int) -> None:
    fitness, health, fits = Fitness(grid), np.zeros(4, dtype=np.uint8), []
    for k in range(int(UNFIT_AFTER_S + 2 * FIT_AFTER_S)):
        health[1] = code if k < UNFIT_AFTER_S + 5 else OK
        fitness.see(look(grid, float(k), 1), health.copy())
        fits.append(bool(fitness.fit[1]))
    assert fits.index(False) == UNFIT_AFTER_S
    again = fits.index(True, int(UNFIT_AFTER_S))
    assert again == UNFIT_AFTER_S + 5 + FIT_AFTER_S
    assert fitness.fit.all()


def test_trouble_that_comes_and_goes_never_flaps(grid: Network, look: Look) -> None:
    fitness, turned = Fitness(grid), 0
    for k in range(600):
        health = np.full(4, SILENT if k % 20 < 10 else OK, dtype=np.uint8)
        turned += fitness.see(look(grid, float(k), 1), health)
    assert turned == 0 and fitness.fit.all()


@pytest.mark.parametrize(("share", "fit"), [(0.3, True), (0.5, True), (0.8, False), (1.0, False)])
def test_a_signal_whose_sensors_are_mostly_silent_is_left_to_itself(grid: Network, look: Look, share: float, fit: bool) -> None:
    fitness, lay = Fitness(grid), lay_out(grid)
    own = np.flatnonzero(lay.signal_of == 0)
    for k in range(int(UNFIT_AFTER_S) + 2):
        seen = look(grid, float(k), 1)
        queue_veh = seen.queue_veh.copy()
        queue_veh[own[: round(share * own.size)]] = np.nan
        fitness.see(replace(seen, queue_veh=queue_veh), np.zeros(4, dtype=np.uint8))
    assert fitness.fit.tolist() == [fit, True, True, True]
    assert (fitness.health[0] == OK) == fit
