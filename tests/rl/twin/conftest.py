"""Ten minutes of our 2 x 2 grid as a twin."""

from dataclasses import replace

import pytest

from rl.simulation import site
from rl.twin.twin import Twin, twin_of
from sumo_nets.scenario import scenario


@pytest.fixture(scope="session")
def twin() -> Twin:
    """Four signals, ten minutes."""
    one = scenario("grid_2x2")
    return twin_of(site(replace(one, end_s=one.begin_s + 600.0)))
