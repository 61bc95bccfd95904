"""Counts in aligned bins: told when their time is over, corrected by what comes late, scaled where heard in part."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from citybrain.intake.batch import IntakeError, Samples
from citybrain.intake.catalogue import Catalogue
from citybrain.intake.flow_bins import GRACE_S, FlowBins
from forecasting.feed import Feed

Sampled = Callable[..., Samples]
BIN_S = 60.0


def filled(catalogue: Catalogue, sampled: Sampled, seconds: range, veh: float = 1.0) -> FlowBins:
    """Bins of a minute with samples of the first movement's sensor, one a second."""
    bins = FlowBins(catalogue, BIN_S)
    bins.due(float(seconds[0]), np.inf)
    for second in seconds:
        bins.add(sampled([0, 1], second + 1.0, veh))
    return bins


def test_a_bin_is_told_once_when_its_time_is_over(catalogue: Catalogue, sampled: Sampled) -> None:
    bins = filled(catalogue, sampled, range(600, 750))
    first, second = bins.due(750.0, np.inf)
    assert [(one.start_s, one.counts_veh[0], one.corrected) for one in (first, second)] == [(600.0, 60.0, False), (660.0, 60.0, False)]
    assert np.isnan(first.counts_veh[1:]).all()
    assert bins.due(750.0, np.inf) == ()


def test_a_bin_waits_for_a_slow_source_but_not_for_ever(catalogue: Catalogue, sampled: Sampled) -> None:
    bins = filled(catalogue, sampled, range(600, 660))
    assert bins.due(661.0, 659.0) == ()
    assert bins.due(660.0 + GRACE_S - 0.1, 659.0) == ()
    assert [one.start_s for one in bins.due(660.0 + GRACE_S, 659.0)] == [600.0]


@pytest.mark.parametrize(("seconds", "veh"), [(30, 60.0), (45, 60.0), (29, np.nan), (0, np.nan)])
def test_a_bin_heard_in_part_is_scaled_up_and_one_hardly_heard_is_a_gap(
    catalogue: Catalogue, sampled: Sampled, seconds: int, veh: float
) -> None:
    bins = filled(catalogue, sampled, range(600, 600 + seconds) or range(600, 601), 1.0 if seconds else np.nan)
    np.testing.assert_allclose(bins.due(660.0, np.inf)[0].counts_veh[0], veh)


def test_what_comes_late_corrects_its_bin_and_the_forecasters_feed_takes_it_so(catalogue: Catalogue, sampled: Sampled) -> None:
    bins = filled(catalogue, sampled, range(600, 720))
    feed = Feed(("movement 0",), BIN_S, grace_s=0.0)
    feed.due(np.datetime64(600, "s"))
    told = []
    for now_s, late_veh in ((720, 3.0), (780, 0.0)):
        for one in bins.due(float(now_s), np.inf):
            feed.take(np.datetime64(now_s, "s"), np.datetime64(round(one.start_s), "s"), one.counts_veh[:1])
        told += [(one.kind, int(one.start.astype(int)), float(one.counts_veh[0])) for one in feed.due(np.datetime64(now_s, "s"))]
        bins.add(sampled([0], 630.4, late_veh))
    # The vehicles are added: of more samples than are due in a bin nothing is scaled.
    assert told[:3] == [("new", 600, 60.0), ("new", 660, 60.0), ("corrected", 600, 63.0)]
    assert told[3][:2] == ("new", 720) and np.isnan(told[3][2])


def test_what_is_older_than_the_ring_does_not_spoil_a_newer_bin(catalogue: Catalogue, sampled: Sampled) -> None:
    bins = filled(catalogue, sampled, range(6000, 6060))
    bins.add(sampled([0], 6030.0 - 8 * BIN_S, 50.0))
    assert bins.due(6060.0, np.inf)[0].counts_veh[0] == 60.0


def test_sensors_that_are_not_believed_make_gaps(catalogue: Catalogue, sampled: Sampled) -> None:
    bins = filled(catalogue, sampled, range(600, 660))
    believed = np.ones(len(catalogue), np.bool_)
    believed[0] = False
    assert np.isnan(bins.due(660.0, np.inf, believed)[0].counts_veh[0])


def test_a_shared_sensor_counts_for_each_movement_by_its_share(catalogue: Catalogue, sampled: Sampled) -> None:
    shared = replace(
        catalogue,
        link_sensor=np.array([0, 0, 4], np.int32),
        link_movement=np.array([0, 1, 1], np.int32),
        link_share=np.array([0.75, 0.25, 1.0], np.float32),
    )
    bins = FlowBins(shared, BIN_S)
    bins.due(600.0, np.inf)
    for second in range(600, 660):
        bins.add(sampled([0, 4], second + 1.0, [4.0, 1.0]))
    assert bins.due(660.0, np.inf)[0].counts_veh[:2].tolist() == [180.0, 120.0]


def test_after_a_gap_only_the_bins_of_the_ring_are_told_and_a_clock_that_goes_back_starts_anew(
    catalogue: Catalogue, sampled: Sampled
) -> None:
    bins = filled(catalogue, sampled, range(600, 660))
    assert [one.start_s for one in bins.due(60_000.0, np.inf)] == [60_000.0 - BIN_S * k for k in range(7, 0, -1)]
    assert bins.due(600.0, np.inf) == ()
    bins.add(sampled([0], 655.0, 1.0))
    assert [one.start_s for one in bins.due(660.0, np.inf)] == [600.0]


def test_what_another_clock_has_counted_is_neither_in_the_way_nor_in_the_sums(catalogue: Catalogue, sampled: Sampled) -> None:
    bins = filled(catalogue, sampled, range(600, 750))
    bins.due(750.0, np.inf)
    assert bins.due(605.0, np.inf) == ()
    for second in range(605, 660):
        bins.add(sampled([0], second + 1.0, 2.0))
    (told,) = bins.due(660.0, np.inf)
    assert (told.start_s, told.corrected) == (600.0, False)
    assert told.counts_veh[0] == pytest.approx(120.0)


def test_bins_go_on_where_they_were_kept(catalogue: Catalogue, sampled: Sampled) -> None:
    bins = filled(catalogue, sampled, range(600, 630))
    again = FlowBins(catalogue, BIN_S).restored(bins.arrays())
    for second in range(630, 660):
        again.add(sampled([0], second + 1.0, 1.0))
    assert again.due(660.0, np.inf)[0].counts_veh[0] == 60.0
    with pytest.raises(IntakeError, match="no fitting column 'bin'"):
        FlowBins(catalogue, BIN_S, ring_bins=3).restored(bins.arrays())


@pytest.mark.parametrize(("bin_s", "ring"), [(0.0, 8), (60.0, 1)])
def test_bins_have_a_length_and_a_ring(catalogue: Catalogue, bin_s: float, ring: int) -> None:
    with pytest.raises(IntakeError, match="expected at least 2 of some length"):
        FlowBins(catalogue, bin_s, ring)
