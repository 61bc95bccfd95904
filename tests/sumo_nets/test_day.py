"""Claims about days: demand follows the measured course, events do what they say, and earlier days know nothing of them."""

import gzip
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from signals.errors import ScenarioError
from signals.rules import RULES
from signals.types import Floats, Network
from sumo_nets.counting import expected_counts
from sumo_nets.day import (
    DIVERTED,
    DRIFT_KEPT,
    DRIFT_SD,
    SURGE,
    SURGE_S,
    SURGE_SHARE,
    Event,
    Hour,
    Hours,
    counts_by_origin,
    departures_of,
    drifts,
    earlier_counts,
    events_of,
    levels,
    rates,
    read_hour,
    write_day,
)
from sumo_nets.network import read_network
from sumo_nets.scenario import Scenario, check, scenario

PROFILE = 1.0 + 0.8 * np.sin(np.arange(96) / 96.0 * 2.0 * np.pi - 1.5)
MORNING = Hours(5.5 * 3600.0, 9.5 * 3600.0, 7.0 * 3600.0)
SEEDS = range(101, 106)


@pytest.fixture(scope="module")
def base() -> Scenario:
    """Our grid's hour, 7 to 8."""
    return scenario("grid_2x2")


@pytest.fixture(scope="module")
def hour(base: Scenario) -> Hour:
    """Its demand."""
    return read_hour(base)


@pytest.fixture(scope="module")
def grid(base: Scenario) -> Network:
    """Its network."""
    return read_network(base.net, RULES["resco"], name=base.name)


@pytest.fixture(scope="module")
def by_origin_veh(hour: Hour, grid: Network) -> Floats:
    """What each origin brings in an hour."""
    return counts_by_origin(hour, grid)


def vehicles(folder: Path) -> list[ET.Element]:
    root = ET.fromstring(gzip.decompress((folder / "routes.xml.gz").read_bytes()))
    return [one for one in root if one.tag in ("vehicle", "trip")]


def small(folder: Path, body: str) -> Scenario:
    (folder / "routes.xml").write_text(f"<routes>{body}</routes>", encoding="utf-8")
    return Scenario("small", folder / "net.xml", (folder / "routes.xml",), 0.0, 3600.0)


def test_the_hour_knows_where_everybody_comes_from_however_the_demand_is_written(tmp_path: Path) -> None:
    body = """<vType id="car"/><route id="r" edges="a b c"/>
        <vehicle id="1" depart="1" route="r"/><vehicle id="2" depart="2"><route edges="d e"/></vehicle>
        <trip id="3" depart="3" from="a" to="e"/><trip id="late" depart="3601" from="z" to="e"/>
        <flow id="4" begin="0" end="1800" number="10" from="f" to="c" type="car"/>"""
    found = read_hour(small(tmp_path, body))
    assert found.origins == ("a", "d", "f")
    np.testing.assert_allclose(found.share, [2 / 13, 1 / 13, 10 / 13])
    assert [t.to for t in found.templates] == ["c", "e", "e", "c"]
    assert found.templates[3].element.attrib == {"id": "4", "from": "f", "to": "c", "type": "car"}
    assert len(found.definitions) == 2


def test_an_hour_without_anybody_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="nobody departs"):
        read_hour(small(tmp_path, '<trip id="late" depart="3601" from="z" to="e"/>'))


def test_the_demand_of_a_day_without_events_is_that_of_the_measured_course(hour: Hour) -> None:
    """Over many days level and drift cancel out: what is left is the profile, which is 1 in the scenario's own hour."""
    mean = np.mean([rates(hour, MORNING, PROFILE, (), np.random.default_rng(s)).mean(axis=0) for s in range(200)], axis=0)
    own_hour = mean[90:150].mean()
    assert own_hour == pytest.approx(1.0, rel=0.02)
    assert mean[:15].mean() / own_hour == pytest.approx(PROFILE[22] / PROFILE[28:32].mean(), rel=0.03)


def test_drift_and_level_are_as_wide_as_they_say_and_change_no_mean() -> None:
    rng = np.random.default_rng(1)
    drift = np.log(drifts(96, 3000, rng))
    assert drift.std() == pytest.approx(DRIFT_SD, rel=0.03)
    assert np.exp(drift).mean() == pytest.approx(1.0, abs=0.01)
    departure = drift - drift.mean()
    assert (departure[1:] * departure[:-1]).mean() / (departure**2).mean() == pytest.approx(DRIFT_KEPT, abs=0.01)
    assert levels(20_000, rng).mean() == pytest.approx(1.0, abs=0.002)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_day_has_two_surges_and_a_diversion_inside_its_hours(hour: Hour, seed: int) -> None:
    found = events_of(hour, MORNING, np.random.default_rng(seed))
    assert [one.kind for one in found] == ["surge", "surge", "diversion"]
    share = dict(zip(hour.origins, hour.share.tolist(), strict=True))
    for one in found:
        assert MORNING.begin_s + 1800.0 <= one.begin_s < one.end_s <= MORNING.end_s - 1800.0
        assert one.begin_s % 60.0 == 0.0
    for surge in found[:2]:
        streets = [share[street] for street in surge.streets]
        assert sum(streets) >= SURGE_SHARE > sum(streets[:-1])
    assert found[0].end_s <= 0.5 * (MORNING.begin_s + MORNING.end_s) <= found[1].begin_s
    assert found[2].towards not in ("", *found[2].streets)


def test_a_surge_multiplies_its_streets_while_it_lasts_and_nothing_else(hour: Hour) -> None:
    surge = Event("surge", 25200.0, 25200.0 + SURGE_S, (hour.origins[2],), SURGE)
    without, surged = (rates(hour, MORNING, PROFILE, some, np.random.default_rng(3)) for some in ((), (surge,)))
    ratio = surged / without
    assert np.allclose(ratio[2, 90:135], SURGE)
    ratio[2, 90:135] = 1.0
    assert np.allclose(ratio, 1.0)


def test_departures_are_as_many_as_the_rates_say_in_order_and_some_are_diverted(hour: Hour) -> None:
    block = Event("diversion", 25200.0, 27000.0, (hour.origins[0],), DIVERTED, hour.origins[1])
    rate = np.ones((len(hour.origins), 240))
    found = departures_of(hour, MORNING, rate, (block,), np.random.default_rng(5))
    expected = 4.0 * sum(t.times for t in hour.templates)
    assert abs(len(found.depart_s) - expected) < 4.0 * np.sqrt(expected)
    assert (np.diff(found.depart_s) >= 0.0).all()
    assert MORNING.begin_s <= found.depart_s[0] and found.depart_s[-1] < MORNING.end_s
    origin = np.array([hour.templates[k].origin for k in found.template])
    inside = (origin == 0) & (found.depart_s >= block.begin_s) & (found.depart_s < block.end_s)
    diverted = np.array([bool(street) for street in found.towards])
    assert not diverted[~inside].any()
    assert diverted[inside].mean() == pytest.approx(DIVERTED, abs=4.0 * np.sqrt(0.25 / inside.sum()))


def test_the_written_day_is_a_scenario_that_can_be_run_and_the_same_every_time(hour: Hour, tmp_path: Path) -> None:
    events = write_day(hour, MORNING, PROFILE, 101, tmp_path / "a")
    assert write_day(hour, MORNING, PROFILE, 101, tmp_path / "b") == events
    assert (tmp_path / "a" / "routes.xml.gz").read_bytes() == (tmp_path / "b" / "routes.xml.gz").read_bytes()
    day = check(scenario(tmp_path / "a"))
    assert (day.begin_s, day.end_s, day.weekday) == (MORNING.begin_s, MORNING.end_s, hour.scenario.weekday)
    assert len({v.attrib["id"] for v in vehicles(tmp_path / "a")}) == len(vehicles(tmp_path / "a"))
    write_day(hour, MORNING, PROFILE, 102, tmp_path / "c")
    assert (tmp_path / "a" / "routes.xml.gz").read_bytes() != (tmp_path / "c" / "routes.xml.gz").read_bytes()


def test_who_is_diverted_starts_from_the_other_street_and_gets_where_it_wanted(hour: Hour, tmp_path: Path) -> None:
    *_, block = write_day(hour, MORNING, PROFILE, 103, tmp_path)
    diverted = [v for v in vehicles(tmp_path) if v.get("from") == block.towards]
    wanted = {t.to for t in hour.templates if hour.origins[t.origin] in block.streets}
    assert len(diverted) > 20
    assert {v.attrib["to"] for v in diverted} <= wanted
    assert all(block.begin_s - 0.01 <= float(v.attrib["depart"]) <= block.end_s for v in diverted)


def test_origins_apart_bring_what_they_bring_together(hour: Hour, grid: Network, base: Scenario, by_origin_veh: Floats) -> None:
    together_veh = expected_counts(base, grid, 3600.0)
    assert by_origin_veh.shape == (len(hour.origins), together_veh.shape[1])
    # Who leaves in the last minutes does not get everywhere within the hour.
    assert by_origin_veh.sum() == pytest.approx(together_veh.sum(), rel=0.05)
    assert np.corrcoef(by_origin_veh.sum(axis=0), together_veh.sum(axis=0))[0, 1] > 0.99


def test_earlier_days_have_the_played_days_mean_and_no_surge(hour: Hour, by_origin_veh: Floats) -> None:
    counts_veh = earlier_counts(hour, MORNING, by_origin_veh, PROFILE, 60, np.random.default_rng(2)).reshape(60, 96, -1)
    own_hour_veh = counts_veh[:, 28:32].sum(axis=1).mean(axis=0)
    np.testing.assert_allclose(own_hour_veh, by_origin_veh.sum(axis=0), rtol=0.15, atol=3.0)
    total_veh = counts_veh.sum(axis=2)
    usual_veh = total_veh.mean(axis=0)
    assert (np.abs(total_veh / usual_veh - 1.0)[:, 22:38] < 0.3).all()


@pytest.mark.parametrize(
    ("hours", "sentence"),
    [
        (Hours(100.0, 20000.0, 7200.0), "expected quarters of one day"),
        (Hours(0.0, 7200.0, 0.0), "too short for two surges"),
        (Hours(0.0, 14400.0, 0.0, demand=0.0), "demand factor is 0"),
        (Hours(0.0, 90000.0, 0.0), "expected quarters of one day"),
    ],
)
def test_hours_that_make_no_day_are_refused(hours: Hours, sentence: str, hour: Hour, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=sentence):
        write_day(hour, hours, PROFILE, 101, tmp_path / "none")
    assert not (tmp_path / "none").exists()
