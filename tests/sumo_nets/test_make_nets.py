"""Claims about making our own nets again."""

import gzip
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from signals.errors import ScenarioError
from sumo_nets.make_nets import ARTERIAL, GRID, Flows, main, run_tool, without_header
from sumo_nets.scenario import HERE, scenario
from sumo_nets.xml_stream import visit


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nets")
    main(folder)
    return folder


@pytest.mark.sumo
@pytest.mark.parametrize("file", ["net.xml", "routes.xml.gz"])
@pytest.mark.parametrize("name", ["grid_2x2", "arterial_5"])
def test_the_committed_files_come_out_the_same_again(made: Path, name: str, file: str) -> None:
    def content(path: Path) -> bytes:
        # How zlib packs is the platform's affair; what is in it is ours.
        return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()

    assert content(made / name / file) == content(HERE / name / file)


@pytest.mark.parametrize("name", ["grid_2x2", "arterial_5"])
def test_no_date_and_no_path_of_a_machine_stays_in_the_files(name: str) -> None:
    for path in sorted((HERE / name).iterdir()):
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        assert not re.search(rb"/(tmp|home|root|work|usr|Users)/|generated on|\b20[2-9]\d-\d\d-\d\d", content), path.name
        assert len(path.read_bytes()) <= (130_000 if path.name == "net.xml" else 100_000)


@pytest.mark.parametrize(("name", "flows"), [("grid_2x2", GRID), ("arterial_5", ARTERIAL)])
def test_the_demand_is_what_the_table_says(name: str, flows: Flows) -> None:
    routes: dict[str, str] = {}
    seen: list[tuple[str, float]] = []
    types: list[str] = []

    def start(tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "route":
            routes[attributes["id"]] = attributes["edges"]
        elif tag == "vehicle":
            types.append(attributes["type"])
            seen.append((routes[attributes["route"]].split()[0], float(attributes["depart"])))

    one = scenario(name)
    visit(one.routes[0], start, frozenset({"routes"}))
    departs_s = [depart_s for _, depart_s in seen]
    assert departs_s == sorted(departs_s)
    assert one.begin_s <= departs_s[0] <= departs_s[-1] < one.end_s
    for entry, flow_veh_h in flows.entries_veh_h.items():
        assert sum(edge == entry for edge, _ in seen) == pytest.approx(flow_veh_h, abs=3)
    assert 0.9 < types.count("car") / len(types) < 0.98


def test_the_header_alone_is_cut_off() -> None:
    head, body = '<?xml version="1.0"?>\n\n', "<net>\n<!-- kept -->\n</net>"
    comment = '<!-- generated on 2022-01-01 by netconvert\n<input value="/a/b"/>\n-->\n\n'
    assert without_header(head + comment + body) == head + body


@pytest.mark.sumo
def test_a_tool_that_fails_says_what_it_said() -> None:
    with pytest.raises(ScenarioError, match=r"netconvert failed: .*none\.nod\.xml"):
        run_tool("netconvert", "--node-files", "none.nod.xml", "--output-file", "none.net.xml")
