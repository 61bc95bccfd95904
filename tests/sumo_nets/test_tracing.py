"""Claims about walks along lanes, on a street of known lengths: two plain junctions before a signal, one behind it."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from sumo_nets.tracing import downstream_storage_m, streets_from, trace_upstream

pytestmark = pytest.mark.sumo
NODES = {
    "w": (0, 0, "priority"),
    "y": (200, 60, "priority"),
    "p": (200, 0, "priority"),
    "q": (240, 0, "priority"),
    "T": (300, 0, "traffic_light"),
    "n": (300, 100, "priority"),
    "s": (300, -100, "priority"),
    "e": (400, 0, "priority"),
    "f": (500, 0, "traffic_light"),
    "g": (500, 100, "priority"),
    "x": (600, 0, "priority"),
}
LENGTHS_M = {
    **{"w_p": 180.0, "y_p": 30.0, "p_q": 40.0, "q_T": 2.0, "T_e": 60.0, "e_f": 90.0},
    **{"f_x": 50.0, "n_T": 100.0, "T_s": 100.0, "g_f": 100.0},
}


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Any:
    import sumolib

    folder: Path = tmp_path_factory.mktemp("street")
    nodes = "".join(f'<node id="{k}" x="{x}" y="{y}" type="{t}"/>' for k, (x, y, t) in NODES.items())
    edges = "".join(f'<edge id="{k}" from="{k[0]}" to="{k[2]}" numLanes="1" speed="13.89" length="{m}"/>' for k, m in LENGTHS_M.items())
    (folder / "a.nod.xml").write_text(f"<nodes>{nodes}</nodes>", encoding="utf-8")
    (folder / "a.edg.xml").write_text(f"<edges>{edges}</edges>", encoding="utf-8")
    words = ["-n", str(folder / "a.nod.xml"), "-e", str(folder / "a.edg.xml"), "-o", str(folder / "a.net.xml")]
    subprocess.run([sumolib.checkBinary("netconvert"), *words], check=True, capture_output=True)
    return sumolib.net.readNet(str(folder / "a.net.xml"), withInternal=True, withPrograms=True)


@pytest.mark.parametrize(
    ("sensing_m", "upstream", "lane_m"),
    [
        (1.0, (), 1.0),
        (30.0, ("p_q_0",), 30.0),
        (42.0, ("p_q_0",), 42.0),
        (62.0, ("p_q_0", "w_p_0", "y_p_0"), 42.0 + 20.0 + 20.0),
        (100.0, ("p_q_0", "w_p_0", "y_p_0"), 42.0 + 58.0 + 30.0),
        (250.0, ("p_q_0", "w_p_0", "y_p_0"), 42.0 + 180.0 + 30.0),
    ],
)
def test_a_stop_lane_of_two_metres_is_traced_through_plain_junctions(
    net: Any, sensing_m: float, upstream: tuple[str, ...], lane_m: float
) -> None:
    found, reach_m, total_m = trace_upstream(net.getLane("q_T_0"), sensing_m)
    assert found[:1] == upstream[:1]
    assert set(found) == set(upstream)
    assert reach_m == min(sensing_m, 222.0)
    assert total_m == pytest.approx(lane_m)


def test_the_trace_ends_at_the_signal_before(net: Any) -> None:
    found, reach_m, total_m = trace_upstream(net.getLane("e_f_0"), 250.0)
    assert found == ("T_e_0",)
    assert (reach_m, total_m) == (150.0, 150.0)


def test_storage_behind_a_signal_reaches_to_the_next_signal_or_the_limit(net: Any) -> None:
    assert downstream_storage_m(net, "T_e_0", 250.0) == 150.0
    assert downstream_storage_m(net, "T_e_0", 100.0) == 100.0
    assert downstream_storage_m(net, "f_x_0", 250.0) == 50.0


def test_a_street_leads_to_the_next_signal_and_not_beyond(net: Any) -> None:
    lanes = {"q_T_0": "T", "n_T_0": "T", "e_f_0": "f", "g_f_0": "f"}
    assert list(streets_from(net, ["T_e_0", "T_s_0"], lanes)) == [("f", 150.0, 13.89, 1)]
    assert list(streets_from(net, ["f_x_0"], lanes)) == []
    assert list(streets_from(net, ["w_p_0"], lanes)) == [("T", 222.0, 13.89, 1)]
