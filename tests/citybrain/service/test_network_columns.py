"""A network as columns says the same when it comes back, and shares what is equal."""

from dataclasses import fields, replace

import numpy as np
import pytest

from citybrain.service.network_columns import packed, unpacked
from citybrain.service.stored_network import Arrays
from signals.errors import ConfigError
from signals.layout import Layout, laid_out
from signals.rules import RULES
from signals.types import Intersection, Network
from sumo_nets.network import read_network
from sumo_nets.scenario import scenario

SCENARIOS = ("grid_2x2", "resco/cologne8", "resco/ingolstadt21")


def network_of(name: str) -> Network:
    return read_network(scenario(name).net, RULES["street"])


@pytest.fixture(scope="module")
def grid() -> Network:
    return network_of("grid_2x2")


def same(one: Intersection, other: Intersection) -> bool:
    """Every field equal, matrices with their types."""
    pairs = [(getattr(one, f.name), getattr(other, f.name)) for f in fields(one)]
    return all((a.dtype == b.dtype and np.array_equal(a, b)) if isinstance(a, np.ndarray) else a == b for a, b in pairs)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_network_comes_back_as_it_was(name: str) -> None:
    network = network_of(name)
    signals, streets, flat = unpacked(packed(network))
    assert streets == network.streets and len(signals) == len(network.signals)
    assert all(same(a, b) for a, b in zip(signals, network.signals, strict=True))
    found, expected = laid_out(Network(name, signals, streets), flat), laid_out(network)
    for one in fields(Layout):
        if one.name != "network":
            assert np.array_equal(getattr(found, one.name), getattr(expected, one.name)), one.name


def test_what_is_equal_is_the_same_object(grid: Network) -> None:
    twice = Network("twice", grid.signals + grid.signals)
    found, _, _ = unpacked(packed(twice))
    n = len(grid.signals)
    for one, other in zip(found[:n], found[n:], strict=True):
        assert one.serves is other.serves and one.conflicts is other.conflicts and one.phases is other.phases
        assert one.base.stages is other.base.stages and one.exceptions is other.exceptions


def damaged(arrays: Arrays, what: str) -> Arrays:
    """The columns with something wrong."""
    arrays = {name: array.copy() for name, array in arrays.items()}
    if what == "a column is missing":
        del arrays["floats"]
    elif what == "another layout":
        arrays["head"] = np.frombuffer(arrays["head"].tobytes().replace(b'"layout": 1', b'"layout": 9'), dtype=np.uint8)
    elif what == "a number from the end":
        arrays["movements"][0, 0] = -1
    elif what == "a number beyond":
        arrays["lanes"][0, 0] = 10**6
    elif what == "a movement too many":
        arrays["movements"] = np.concatenate((arrays["movements"], arrays["movements"][:1]))
    elif what == "matrices of another signal":
        arrays["serves"][0] = arrays["serves"][0][::-1]
    elif what == "a matrix cut off":
        arrays["yellow_s_values"] = arrays["yellow_s_values"][:-1]
    elif what == "matrices of another type":
        arrays["serves_values"] = arrays["serves_values"].astype(np.float32)
    elif what == "lists that do not add up":
        arrays["list_sizes"][0] += 1
    return arrays


@pytest.mark.parametrize(
    "what",
    [
        "a column is missing", "another layout", "a number from the end", "a number beyond", "a movement too many",
        "matrices of another signal", "a matrix cut off", "matrices of another type", "lists that do not add up",
    ],
)  # fmt: skip
def test_columns_that_do_not_fit_are_refused(grid: Network, what: str) -> None:
    with pytest.raises((ValueError, KeyError, IndexError, TypeError)):
        unpacked(damaged(packed(grid), what))


def test_a_name_with_the_separator_or_a_strange_base_plan_is_refused(grid: Network) -> None:
    one = grid.signals[0]
    with pytest.raises(ConfigError, match="zero byte"):
        packed(Network("odd", (replace(one, id="A\0", base=replace(one.base, signal="A\0")),)))
    with pytest.raises(ConfigError, match="its base plan is of"):
        packed(Network("odd", (replace(one, id="B"),)))
