"""At its beginning a run is empty, and copies share nothing that changes."""

import numpy as np

from rl.twin.state import empty
from rl.twin.twin import Twin


def test_nobody_is_in_the_streets_at_first(twin: Twin) -> None:
    trips = twin.trips(101)
    traffic = empty(twin.streets, trips, twin.layout.movements)
    assert traffic.number.sum() == 0
    assert np.isnan(traffic.entered_s).all()
    np.testing.assert_array_equal(traffic.next_trip, trips.entry_start[:-1])


def test_two_runs_share_no_array_that_changes(twin: Twin) -> None:
    one, other = twin.run(101), twin.run(101)
    assert not any(np.shares_memory(a, b) for a, b in zip(one.traffic, other.traffic, strict=True))
    assert not np.shares_memory(one.traffic.next_trip, one.trips.entry_start)
