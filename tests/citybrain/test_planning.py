"""Plans for flows: cycles that add up, greens where the flows are, other cycles beside them, and flows read from a table."""

from pathlib import Path

import numpy as np
import pytest

from citybrain.bands import common_cycle_s
from citybrain.plan_sheet import LOS, Sheet, group_figures, mean_delay_s
from citybrain.planning import METHODS, by_signal, plan_sheets, read_flows, standing, unhurried, webster_plan
from signals.errors import ConfigError
from signals.explain import explain_plan
from signals.layout import lay_out
from signals.rules import RULES, envelope
from signals.types import Floats, Network, SafetyEnvelope, Turn
from sumo_nets.counting import BIN_S, expected_counts
from sumo_nets.network import read_network
from sumo_nets.scenario import Scenario, scenario

Sheets = tuple[Sheet, ...]


@pytest.fixture(scope="module")
def limits(grid: Network) -> tuple[SafetyEnvelope, ...]:
    """The grid's, under the RESCO rules."""
    return tuple(envelope(s, RULES["resco"]) for s in grid.signals)


@pytest.fixture(scope="module")
def flow_veh_h(grid: Network) -> Floats:
    """The flows [movement] of the grid's own demand."""
    return mean_flows(scenario("grid_2x2"), grid)


def mean_flows(found: Scenario, network: Network) -> Floats:
    """The flows [movement] of a scenario's demand over its hour [veh/h]."""
    mean: Floats = expected_counts(found, network).mean(axis=0) * 3600.0 / BIN_S
    return mean


@pytest.fixture(scope="module")
def sheets(grid: Network, limits: tuple[SafetyEnvelope, ...], flow_veh_h: Floats) -> Sheets:
    """A plan for every signal."""
    return plan_sheets(grid, limits, flow_veh_h)


def cycle_of(sheet: Sheet) -> float:
    """Greens and intergreens of the plan's stages [s]."""
    stages, total_s = sheet.approved.plan.stages, 0.0
    for one, after in zip(stages, stages[1:] + stages[:1], strict=True):
        total_s += one.green_s + float(sheet.signal.intergreen_s[one.phase, after.phase])
    return total_s


def test_a_cycle_is_its_greens_and_intergreens(sheets: Sheets, grid: Network) -> None:
    assert [s.approved.plan.signal for s in sheets] == [s.id for s in grid.signals]
    for sheet in sheets:
        assert sheet.approved.plan.repeats and sheet.approved.objections == ()
        assert cycle_of(sheet) == pytest.approx(sheet.approved.plan.cycle_s, abs=1e-9)


def test_greens_keep_their_minimum_and_saturation_is_computed_where_traffic_flows(
    sheets: Sheets, limits: tuple[SafetyEnvelope, ...], flow_veh_h: Floats
) -> None:
    degrees = np.concatenate([sheet.degree for sheet in sheets])
    assert (np.isfinite(degrees) == (flow_veh_h > 0.0)).all()
    for sheet, limit in zip(sheets, limits, strict=True):
        assert all(s.green_s >= limit.min_green_s[s.phase] for s in sheet.approved.plan.stages)
        assert sheet.mean_delay_s > 0.0 and sheet.grade in LOS


def test_more_flow_makes_a_longer_cycle_and_a_worse_level(
    grid: Network, limits: tuple[SafetyEnvelope, ...], flow_veh_h: Floats, sheets: Sheets
) -> None:
    quiet = plan_sheets(grid, limits, 0.3 * flow_veh_h)
    assert all(q.approved.plan.cycle_s < s.approved.plan.cycle_s for q, s in zip(quiet, sheets, strict=True))
    assert all(q.mean_delay_s < s.mean_delay_s for q, s in zip(quiet, sheets, strict=True))


def test_the_stage_of_the_heavy_movement_gets_the_longest_green(grid: Network, limits: tuple[SafetyEnvelope, ...]) -> None:
    signal = grid.signals[0]
    flows = np.full(lay_out(grid).movements, 50.0)
    heavy = next(m for m, movement in enumerate(signal.movements) if movement.turn is Turn.THROUGH)
    flows[heavy] = 900.0
    stages = plan_sheets(grid, limits, flows)[0].approved.plan.stages
    longest = max(stages, key=lambda stage: stage.green_s)
    assert signal.serves[longest.phase, heavy] > 0


def test_a_flow_that_is_not_known_gives_no_plan(grid: Network, limits: tuple[SafetyEnvelope, ...], flow_veh_h: Floats) -> None:
    unknown = np.where(np.arange(flow_veh_h.size) == 0, np.nan, flow_veh_h)
    with pytest.raises(ConfigError, match=f"{grid.signals[0].id}: no plan; a flow is missing"):
        plan_sheets(grid, limits, unknown)


def test_without_traffic_there_is_a_plan_without_a_grade(grid: Network, limits: tuple[SafetyEnvelope, ...]) -> None:
    sheet = plan_sheets(grid, limits, np.zeros(lay_out(grid).movements))[0]
    assert cycle_of(sheet) == pytest.approx(sheet.approved.plan.cycle_s)
    assert np.isnan(sheet.mean_delay_s) and sheet.grade == "-"


def test_a_plan_sheet_is_judged_by_every_limit_but_the_step_from_tonights_plan(grid: Network, limits: tuple[SafetyEnvelope, ...]) -> None:
    assert all(np.isinf(one.max_green_change_s) for one in unhurried(limits))
    assert [(one.min_cycle_s, one.max_green_s) for one in unhurried(limits)] == [(o.min_cycle_s, o.max_green_s) for o in limits]
    at_rest = standing(grid)
    assert (at_rest.queue_veh == 0.0).all() and at_rest.phase.tolist() == [s.base.stages[0].phase for s in grid.signals]


def test_street_rules_give_crossings_their_time() -> None:
    found, rules = scenario("arterial_5"), RULES["street"]
    network = read_network(found.net, rules)
    limits = tuple(envelope(s, rules) for s in network.signals)
    flows = mean_flows(found, network)
    walked = 0
    for sheet, limit in zip(plan_sheets(network, limits, flows), limits, strict=True):
        assert cycle_of(sheet) == pytest.approx(sheet.approved.plan.cycle_s, abs=1e-9)
        for stage in sheet.approved.plan.stages:
            walked += bool(limit.min_green_s[stage.phase] > rules.min_green_s)
            assert stage.green_s >= limit.min_green_s[stage.phase]
    assert walked > 0


def test_flows_are_read_by_the_movements_names(grid: Network, tmp_path: Path) -> None:
    names = [m.id for s in grid.signals for m in s.movements]
    path = tmp_path / "flows.csv"
    path.write_text(f"flow_veh_h,movement,note\n120.5,{names[3]},counted by hand\n0,{names[5]},\n", encoding="utf-8")
    flows = read_flows(path, grid)
    assert flows[3] == 120.5 and flows.sum() == 120.5 and len(set(names)) == len(names) == flows.size


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "expected rows under a header"),
        ("movement,flow_veh_h\n", "expected rows under a header"),
        ("movement,veh\n{name},1\n", "columns movement and flow_veh_h"),
        ("movement,flow_veh_h\n{name}x,1\n", "line 2: no movement '{name}x'; did you mean"),
        ("movement,flow_veh_h\n{name},many\n", "line 2: flow_veh_h is 'many'"),
        ("movement,flow_veh_h\n{name},-1\n", "flow_veh_h is '-1'"),
        ("movement,flow_veh_h\n{name},nan\n", "flow_veh_h is 'nan'"),
        ("movement,flow_veh_h\n{name},inf\n", "flow_veh_h is 'inf'"),
        ("movement,flow_veh_h\n{name}\n", "flow_veh_h is ''"),
        ("movement,flow_veh_h\n{name},1\n{name},2\n", "line 3: movement '{name}' is there twice"),
    ],
)
def test_a_wrong_table_of_flows_is_one_sentence(text: str, sentence: str, grid: Network, tmp_path: Path) -> None:
    name = grid.signals[0].movements[0].id
    path = tmp_path / "flows.csv"
    path.write_text(text.replace("{name}", name), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_flows(path, grid)
    assert sentence.replace("{name}", name) in str(caught.value) and str(path) in str(caught.value)


def test_a_table_that_is_no_text_is_refused(grid: Network, tmp_path: Path) -> None:
    (tmp_path / "flows.csv").write_bytes(b"movement,flow_veh_h\n\xff\xfe,1\n")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_flows(tmp_path / "flows.csv", grid)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_keeps_a_cycle_that_is_asked_for(
    method: str, grid: Network, limits: tuple[SafetyEnvelope, ...], flow_veh_h: Floats
) -> None:
    sheets = plan_sheets(grid, limits, flow_veh_h, method, 90.0)
    assert {sheet.plan.cycle_s for sheet in sheets} <= ({90.0} if method == "webster" else {90.0, 45.0})
    assert all(cycle_of(sheet) == pytest.approx(sheet.plan.cycle_s) for sheet in sheets)


def test_coordinated_plans_have_a_common_cycle_and_offsets(grid: Network, limits: tuple[SafetyEnvelope, ...], flow_veh_h: Floats) -> None:
    sheets = plan_sheets(grid, limits, flow_veh_h, "coordinated")
    assert common_cycle_s([sheet.plan for sheet in sheets]) > 0.0
    assert len({sheet.plan.offset_s for sheet in sheets}) > 1
    assert all(sheet.coordinated and ", offset " in explain_plan(sheet.reasons()) for sheet in sheets)
    assert [s.plan for s in plan_sheets(grid, limits, flow_veh_h, "coordinated")] == [s.plan for s in sheets]


def test_no_room_in_a_common_cycle_is_one_sentence(grid: Network, limits: tuple[SafetyEnvelope, ...], flow_veh_h: Floats) -> None:
    with pytest.raises(ConfigError, match="no common cycle among 19 s"):
        plan_sheets(grid, limits, flow_veh_h, "coordinated", 19.0)


@pytest.mark.parametrize("cycle_s", [0.0, -60.0, float("nan"), float("inf")])
def test_a_cycle_that_is_none_is_one_sentence(
    cycle_s: float, grid: Network, limits: tuple[SafetyEnvelope, ...], flow_veh_h: Floats
) -> None:
    with pytest.raises(ConfigError, match="expected a time"):
        plan_sheets(grid, limits, flow_veh_h, cycle_s=cycle_s)


def test_a_cycle_too_short_for_the_minimum_greens_is_one_sentence(
    grid: Network, limits: tuple[SafetyEnvelope, ...], flow_veh_h: Floats
) -> None:
    with pytest.raises(ConfigError, match=r"A0: no plan of 30 s; its minimum greens and intergreens take \d+ s"):
        plan_sheets(grid, limits, flow_veh_h, cycle_s=30.0)


def test_an_unknown_method_is_one_sentence(grid: Network, limits: tuple[SafetyEnvelope, ...], flow_veh_h: Floats) -> None:
    with pytest.raises(ConfigError, match="no method 'websta'; did you mean 'webster'"):
        plan_sheets(grid, limits, flow_veh_h, "websta")


def test_the_alternatives_are_a_shorter_and_a_longer_cycle_and_say_what_they_cost(
    sheets: Sheets, grid: Network, limits: tuple[SafetyEnvelope, ...], flow_veh_h: Floats
) -> None:
    for sheet, limit, flows in zip(sheets, limits, by_signal(grid, flow_veh_h), strict=True):
        shorter, longer = sheet.alternatives
        assert shorter.cycle_s < sheet.plan.cycle_s < longer.cycle_s
        other = group_figures(sheet.signal, webster_plan(sheet.signal, limit, flows, longer.cycle_s), flows)
        assert longer.extra_s == pytest.approx(mean_delay_s(other) - sheet.mean_delay_s)
        assert shorter.degree > max(g.degree for g in sheet.groups) > longer.degree
