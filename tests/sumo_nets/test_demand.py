"""Claims about scaled demand and about days made out of an hour."""

import gzip
import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from signals.errors import ScenarioError
from signals.types import Floats
from sumo_nets.demand import day_factors, earlier_days, scaled_routes, scaled_scenario
from sumo_nets.scenario import Scenario, check, scenario

PROFILE = 1.0 + 0.8 * np.sin(np.arange(96) / 96.0 * 2.0 * np.pi - 1.5)
FLOW = '<flow id="f" from="a" to="b" begin="0" end="600" {}/>'


def of_text(folder: Path, body: str, begin_s: float = 0.0, end_s: float = 600.0) -> Scenario:
    (folder / "net.xml").write_text('<net><edge id="a"/><edge id="b"/><tlLogic id="J"/></net>', encoding="utf-8")
    (folder / "routes.xml").write_text(f"<routes>{body}</routes>", encoding="utf-8")
    return Scenario("small", folder / "net.xml", (folder / "routes.xml",), begin_s, end_s)


def trips(count: int, every_s: float = 1.0) -> str:
    return "".join(f'<trip id="t{i}" depart="{i * every_s}" from="a" to="b"/>' for i in range(count))


def root_of(path: Path) -> ET.Element:
    return ET.fromstring(gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes())


def vehicles(path: Path) -> dict[str, float]:
    return {v.attrib["id"]: float(v.attrib["depart"]) for v in root_of(path) if v.tag in ("trip", "vehicle")}


@pytest.mark.parametrize("factor", [0.0, 0.3, 0.9, 1.0, 1.5, 3.2])
def test_the_number_of_vehicles_follows_the_factor(tmp_path: Path, factor: float) -> None:
    one = of_text(tmp_path, trips(2000, 0.3))
    count = len(vehicles(scaled_routes(one, factor, 1, tmp_path / "out.xml")))
    part = factor % 1.0
    assert abs(count - 2000 * factor) <= 4.0 * np.sqrt(2000 * part * (1.0 - part))


def test_a_factor_of_one_changes_no_vehicle(tmp_path: Path) -> None:
    one = scenario("arterial_5")
    out = scaled_routes(one, 1.0, 1, tmp_path / "out.xml.gz")
    before, after = root_of(one.routes[0]), root_of(out)
    assert [(e.tag, e.attrib) for e in before] == [(e.tag, e.attrib) for e in after]


def test_a_larger_factor_contains_the_smaller_ones_vehicles(tmp_path: Path) -> None:
    one = of_text(tmp_path, trips(300))
    sets = [set(vehicles(scaled_routes(one, f, 7, tmp_path / "out.xml")).items()) for f in (0.5, 0.8, 1.2, 1.7, 2.4)]
    assert all(small < large for small, large in pairwise(sets))


def test_duplicates_have_new_ids_and_depart_within_a_minute_inside_the_hour(tmp_path: Path) -> None:
    one = of_text(tmp_path, trips(600))
    departs_s = vehicles(scaled_routes(one, 3.0, 2, tmp_path / "out.xml"))
    assert len(departs_s) == 1800
    assert list(departs_s.values()) == sorted(departs_s.values())
    for name, depart_s in departs_s.items():
        assert abs(depart_s - departs_s[name.partition("+")[0]]) <= 60.0
        assert 0.0 <= depart_s < 600.0


def test_the_same_seed_gives_the_same_file_and_another_seed_another(tmp_path: Path) -> None:
    one = scenario("grid_2x2")
    names = ("a.xml.gz", "b.xml.gz", "c.xml.gz")
    first, again, other = (scaled_routes(one, 0.7, s, tmp_path / n).read_bytes() for s, n in zip((1, 1, 2), names, strict=True))
    assert first == again != other


def test_definitions_and_stops_stay_while_persons_are_left_out_with_a_note(tmp_path: Path) -> None:
    body = (
        '<vType id="car"/><route id="r" edges="a b"/><person id="p" depart="3"><walk edges="a"/></person>'
        '<vehicle id="bus" type="car" depart="triggered"><route edges="a"/></vehicle>'
        '<vehicle id="v" type="car" depart="00:00:09"><route edges="a b"/><stop lane="b_0" duration="5"/></vehicle>'
        '<trip id="first" depart="begin" from="a" to="b"/>'
    )
    out = scaled_routes(of_text(tmp_path, body), 2.0, 1, tmp_path / "out.xml")
    root = root_of(out)
    assert [e.tag for e in root][:2] == ["vType", "route"]
    assert sorted(e.attrib["id"] for e in root) == ["car", "first", "first+1", "r", "v", "v+1"]
    assert all([c.tag for c in e] == ["route", "stop"] for e in root if e.tag == "vehicle")
    assert "2 persons or waiting vehicles left out" in out.read_text()


@pytest.mark.parametrize(
    ("rate", "factor", "expected"),
    [
        ('vehsPerHour="100"', 1.5, {"vehsPerHour": "150"}),
        ('probability="0.2"', 0.5, {"probability": "0.1"}),
        ('period="10"', 2.0, {"period": "5"}),
        ('period="exp(0.2)"', 2.0, {"period": "exp(0.4)"}),
        ('number="40"', 2.0, {"number": "80"}),
        ('number="40" period="10"', 0.5, {"number": "20", "period": "20"}),
    ],
)
def test_flows_have_their_rate_or_number_multiplied(tmp_path: Path, rate: str, factor: float, expected: dict[str, str]) -> None:
    out = scaled_routes(of_text(tmp_path, FLOW.format(rate)), factor, 1, tmp_path / "out.xml")
    flow = root_of(out)[0].attrib
    assert {key: flow[key] for key in expected} == expected
    assert (flow["id"], flow["begin"], flow["end"]) == ("f", "0", "600")


def test_no_flow_is_left_at_factor_zero(tmp_path: Path) -> None:
    body = FLOW.format('period="10"') + FLOW.format('number="9"').replace('"f"', '"g"')
    assert len(root_of(scaled_routes(of_text(tmp_path, body), 0.0, 1, tmp_path / "out.xml"))) == 0


@pytest.mark.parametrize(
    ("body", "factor", "says"),
    [
        (trips(1), -0.1, "demand factor is -0.1"),
        (trips(1), float("nan"), "demand factor is nan"),
        (FLOW.format('probability="0.6"'), 2.0, "flow 'f': probability 1.2 a second is above 1"),
        (FLOW.format('vehsPerHour="many"'), 2.0, "flow 'f': a rate is no number"),
        ("<trip>", 1.0, "not well-formed"),
    ],
)
def test_a_demand_that_cannot_be_scaled_is_one_clear_error(tmp_path: Path, body: str, factor: float, says: str) -> None:
    with pytest.raises(ScenarioError, match=says):
        scaled_routes(of_text(tmp_path, body), factor, 1, tmp_path / "out.xml")


def test_a_place_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    one = of_text(tmp_path, trips(1))
    with pytest.raises(ScenarioError, match="cannot be written"):
        scaled_routes(one, 1.0, 1, tmp_path / "net.xml" / "below" / "out.xml")


@pytest.mark.parametrize("name", ["grid_2x2", "arterial_5"])
def test_a_scaled_scenario_passes_the_check_and_keeps_the_rest(tmp_path: Path, name: str) -> None:
    one = scenario(name)
    more = check(scaled_scenario(one, 1.25, 3, tmp_path / "new" / "folder"))
    assert more.name == f"{name}*1.25"
    assert (more.net, more.begin_s, more.end_s, more.weekday) == (one.net, one.begin_s, one.end_s, one.weekday)
    assert len(vehicles(more.routes[0])) == pytest.approx(1.25 * len(vehicles(one.routes[0])), rel=0.03)


def test_day_factors_are_one_in_the_measured_hour_on_average_and_follow_the_profile() -> None:
    factors = day_factors(PROFILE, 25200.0, 28800.0)
    assert factors.shape == (96,)
    assert factors[28:32].mean() == pytest.approx(1.0)
    np.testing.assert_allclose(factors / factors[0], PROFILE / PROFILE[0])
    np.testing.assert_allclose(day_factors(5.0 * PROFILE, 25200.0, 28800.0), factors)


@pytest.mark.parametrize("bin_s", [300.0, 900.0, 3600.0])
def test_other_bins_hold_the_same_day(bin_s: float) -> None:
    factors = day_factors(PROFILE, 57600.0, 61200.0, bin_s)
    assert factors.size == 86400.0 / bin_s
    assert factors.mean() == pytest.approx(day_factors(PROFILE, 57600.0, 61200.0).mean())


def test_an_hour_across_midnight_takes_both_sides() -> None:
    profile = np.ones(96)
    profile[:2] = 3.0
    assert day_factors(profile, 86400.0 - 1800.0, 86400.0 + 1800.0)[50] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("profile", "begin_s", "end_s"),
    [
        (PROFILE[:95], 0.0, 3600.0),
        (np.full(96, np.nan), 0.0, 3600.0),
        (-PROFILE, 0.0, 3600.0),
        (np.zeros(96), 0.0, 3600.0),
        (PROFILE, 3600.0, 3600.0),
        (np.append(np.zeros(48), np.ones(48)), 0.0, 3600.0),
    ],
)
def test_a_profile_that_says_nothing_about_the_hour_is_refused(profile: Floats, begin_s: float, end_s: float) -> None:
    with pytest.raises(ScenarioError, match="day profile"):
        day_factors(profile, begin_s, end_s)


def test_earlier_days_repeat_the_measured_hour_bin_by_bin_and_follow_the_profile_beyond() -> None:
    hour = np.array([[20.0, 0.0, 4.0], [24.0, 0.0, np.nan], [22.0, 0.0, 8.0], [22.0, 0.0, np.nan]])
    counts, start_s = earlier_days(hour, 25200.0, PROFILE, 400, np.random.default_rng(1))
    assert counts.shape == (400 * 96, 3)
    assert start_s == -400 * 86400.0
    by_bin = np.nanmean(counts.reshape(400, 96, 3), axis=0)
    np.testing.assert_allclose(by_bin[28:32, 0], [20.0, 24.0, 22.0, 22.0], rtol=0.04)
    np.testing.assert_allclose(by_bin[28:32].mean(axis=0), [22.0, 0.0, 6.0], rtol=0.04)
    beyond = np.r_[0:28, 32:96]
    expected_veh = 22.0 * day_factors(PROFILE, 25200.0, 28800.0)
    np.testing.assert_allclose(by_bin[beyond, 0], expected_veh[beyond], rtol=0.08, atol=0.3)


def test_days_differ_by_their_level_and_counts_by_poisson_noise() -> None:
    counts, _ = earlier_days(np.full((4, 40), 30.0), 25200.0, np.ones(96), 300, np.random.default_rng(2), gap_share=0.0)
    days = counts.reshape(300, 96, 40)
    assert not np.isnan(counts).any()
    assert np.std(days.mean(axis=(1, 2)) / 30.0) == pytest.approx(0.08, rel=0.15)
    assert (days.var(axis=1) / days.mean(axis=1)).mean() == pytest.approx(1.0, rel=0.02)


def test_gaps_are_nan_in_stretches_and_never_zeros() -> None:
    counts, _ = earlier_days(np.full((4, 50), 200.0), 25200.0, np.ones(96), 60, np.random.default_rng(3), gap_share=0.05)
    silent = np.isnan(counts)
    assert silent.mean() == pytest.approx(0.05, rel=0.1)
    starts = silent[1:] & ~silent[:-1]
    assert silent.sum() / starts.sum() == pytest.approx(4.0, rel=0.1)
    assert np.nanmin(counts) > 50.0


def test_a_movement_never_measured_stays_unknown_on_all_days() -> None:
    hour = np.array([[5.0, np.nan], [5.0, np.nan]])
    counts, start_s = earlier_days(hour, 3 * 86400.0 + 25200.0, PROFILE, 2, np.random.default_rng(4))
    assert np.isnan(counts[:, 1]).all()
    assert np.isfinite(counts[:, 0]).mean() > 0.9
    assert start_s == 86400.0


def test_the_same_generator_state_gives_the_same_days() -> None:
    hour = np.full((4, 3), 10.0)
    first, again = (earlier_days(hour, 0.0, PROFILE, 3, np.random.default_rng(5))[0] for _ in range(2))
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize(("hour", "days"), [(np.ones(4), 1), (np.ones((0, 3)), 1), (np.ones((4, 3)), 0)])
def test_an_hour_or_a_number_of_days_that_is_none_is_refused(hour: Floats, days: int) -> None:
    with pytest.raises(ScenarioError, match="earlier days"):
        earlier_days(hour, 0.0, PROFILE, days, np.random.default_rng(1))
