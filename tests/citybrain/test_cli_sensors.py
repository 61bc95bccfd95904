"""Claims about `citybrain sensors`: files that SUMO and people can use."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from citybrain.cli_sensors import sensors
from signals.errors import ConfigError


@pytest.mark.parametrize(("kind", "tag"), [("loops", "inductionLoop"), ("area", "laneAreaDetector")])
def test_the_additional_file_and_the_table_name_the_same_detectors(kind: str, tag: str, tmp_path: Path) -> None:
    out, table = tmp_path / "new" / "d.add.xml", tmp_path / "new" / "d.json"
    sensors("grid_2x2", out=str(out), kind=kind, net="", json_file=str(table))
    rows = json.loads(table.read_text(encoding="utf-8"))["detectors"]
    assert [x.get("id") for x in ET.parse(out).getroot().findall(tag)] == [row["id"] for row in rows]
    assert any(row["ways"] and "stop_lane" in row["ways"][0] for row in rows)


@pytest.mark.parametrize(("scenario", "out", "net"), [("", "x.add.xml", ""), ("grid_2x2", "x.add.xml", "y.net.xml"), ("grid_2x2", "", "")])
def test_without_one_network_and_a_file_it_says_what_it_expected(scenario: str, out: str, net: str) -> None:
    with pytest.raises(ConfigError, match="expected"):
        sensors(scenario, out=out, kind="loops", net=net, json_file="")
