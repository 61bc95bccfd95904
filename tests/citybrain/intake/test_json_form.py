"""JSON says the same as a frame, with names; any other body is one error."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citybrain.intake import json_form
from citybrain.intake.batch import IntakeError
from citybrain.intake.catalogue import Catalogue
from citybrain.intake.frame import Frame
from citybrain.intake.names import NONE
from citybrain.intake.network_names import NetworkNames
from signals.types import Network

KEYS = st.sampled_from(["sensor", "at_s", "value", "signal", "vehicles", "x"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
BODY = st.fixed_dictionaries({}, optional={"source": st.just("s") | JSON, "samples": JSON, "snapshots": JSON})


@pytest.fixture(scope="module")
def names(grid: Network) -> NetworkNames:
    """Of the grid."""
    return NetworkNames(grid)


def said(body: Any, catalogue: Catalogue, names: NetworkNames) -> Frame:
    """What a body says."""
    return json_form.parsed(body if isinstance(body, bytes) else json.dumps(body).encode(), catalogue, names)


def test_samples_and_snapshots_are_told_by_name(grid: Network, catalogue: Catalogue, names: NetworkNames) -> None:
    one = grid.signals[1]
    lane, movement = one.lanes[0].id, one.movements[2].id
    found = said(
        {
            "source": "loops",
            "samples": {"sensor": [catalogue.names[7], "nobody"], "at_s": [12.5, 13.0], "value": [3, 1e60]},
            "snapshots": [{"signal": one.id, "at_s": 12.0, "vehicles": [[lane, movement, 31.5, 8], ["nowhere", 2, -1.0, 0.5]]}],
        },
        catalogue,
        names,
    )
    assert (found.source, found.samples.sensor.tolist(), found.samples.at_s.tolist()) == ("loops", [7, NONE], [12.5, 13.0])
    assert found.samples.value.tolist() == [3.0, float("inf")]
    flat = names.movement(1, 2)
    assert (found.tracks.signal.tolist(), found.tracks.vehicles.tolist()) == ([1], [2])
    assert (found.tracks.lane.tolist(), found.tracks.movement.tolist()) == ([names.lane(lane), NONE], [flat, flat])
    assert (found.tracks.distance_m.tolist(), found.tracks.speed_mps.tolist()) == ([31.5, -1.0], [8.0, 0.5])


def test_one_time_may_stand_for_all_samples(catalogue: Catalogue, names: NetworkNames) -> None:
    sensors = [catalogue.names[k] for k in range(3)]
    found = said({"source": "s", "samples": {"sensor": sensors, "at_s": 5, "value": [1, 2, 3]}}, catalogue, names)
    assert found.samples.at_s.tolist() == [5.0, 5.0, 5.0]
    assert len(said({"source": "s"}, catalogue, names).samples) == 0


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b'{"source": "s", "samples": {"value": [NaN]}}', "NaN is no JSON number"),
        (b"1" * 5000, "no JSON"),
        ([], "body: a list of 0; expected an object of samples, snapshots, source"),
        ({}, "source is None; expected a name"),
        ({"source": "s", "sample": {}}, "unknown key 'sample'"),
        ({"source": "a\nb"}, "printable name"),
        ({"source": "s", "samples": {"sensor": ["a"], "at_s": [1, 2], "value": [1]}}, "1 sensors, 2 times and 1 values"),
        ({"source": "s", "samples": {"sensor": [1], "at_s": 1, "value": [1]}}, "a sensor that is no text"),
        ({"source": "s", "samples": {"sensor": ["a"], "at_s": "now", "value": [1]}}, "at_s: 'now'; expected numbers"),
        ({"source": "s", "samples": {"sensor": ["a"], "at_s": 1, "value": [True]}}, "value: True; expected numbers"),
        ({"source": "s", "samples": {"sensor": ["a"], "at_s": 1, "value": [10**400]}}, "a number too large"),
        ({"source": "s", "samples": {"sensor": "a", "at_s": 1, "value": [1]}}, "sensor: 'a'; expected a list"),
        ({"source": "s", "snapshots": [{"signal": 1, "at_s": 1, "vehicles": []}]}, r"snapshots\[0\]: signal: 1; expected a name"),
        ({"source": "s", "snapshots": [{"signal": "a", "at_s": 1}]}, r"snapshots\[0\]: vehicles: None; expected a list"),
        ({"source": "s", "snapshots": [{"signal": "a", "at_s": 1, "vehicles": [[]]}]}, "vehicle a list of 0; expected"),
        ({"source": "s", "snapshots": [{"signal": "a", "at_s": 1, "vehicles": [["a", 1.5, 1, 1]]}]}, "names of its stop lane"),
    ],
)  # fmt: skip
def test_a_body_that_says_something_else_is_told_what_was_expected(
    catalogue: Catalogue, names: NetworkNames, body: Any, sentence: str
) -> None:
    with pytest.raises(IntakeError, match=sentence):
        said(body, catalogue, names)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(BODY | JSON)
def test_any_json_is_a_delivery_or_one_error(catalogue: Catalogue, names: NetworkNames, body: Any) -> None:
    try:
        found = said(body, catalogue, names)
    except IntakeError:
        return
    assert isinstance(body, dict) and found.source == body["source"]


def test_too_much_is_refused(catalogue: Catalogue, names: NetworkNames, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(IntakeError, match="body of 8000001 bytes; expected at most 8000000"):
        said(b" " * 8_000_001, catalogue, names)
    monkeypatch.setattr(json_form, "LARGEST_ROWS", 3)
    with pytest.raises(IntakeError, match="sensor: 4 of them; expected at most 3"):
        said({"source": "s", "samples": {"sensor": ["a"] * 4, "at_s": 1, "value": [1]}}, catalogue, names)
    views = [{"signal": "a", "at_s": 1, "vehicles": [["a", 1, 1, 1]] * 2}] * 2
    with pytest.raises(IntakeError, match="4 vehicles; expected at most 3"):
        said({"source": "s", "snapshots": views}, catalogue, names)
