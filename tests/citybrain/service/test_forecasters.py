"""Who forecasts by the city's file; a fitted forecaster speaks for a city of several shards too."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from citybrain.forecasts import Silent, movement_names
from citybrain.service import forecasters
from citybrain.service.forecasters import Forecasters
from citybrain.service.settings import PlanSettings
from forecasting import store
from forecasting.city_voice import PartForecaster
from forecasting.history import FlowHistory
from forecasting.models import fit_forecaster
from forecasting.online import OnlineForecaster
from signals.errors import ForecastError
from signals.rules import RULES
from signals.types import Network
from sumo_nets.network import read_network

SEVEN_S = 25_200.0


@pytest.fixture(scope="module")
def network(grid_net: Path) -> Network:
    return read_network(grid_net, RULES["resco"])


@pytest.fixture(scope="module")
def fitted(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A single forecaster of all its movements, in a folder."""
    names = movement_names(network)
    hour = np.arange(8 * 96) / 4.0 % 24.0
    counts_veh = np.random.default_rng(2).poisson((10.0 + 20.0 * np.exp(-((hour - 8.0) ** 2) / 4.0))[:, None] * np.ones(len(names)))
    folder = tmp_path_factory.mktemp("fitted")
    history = FlowHistory(np.datetime64("2024-01-01", "s"), 900.0, names, counts_veh.astype(np.float64))
    store.save(fit_forecaster(history, "residual"), folder, {"span": "2024-01-01T00:00:00 to 2024-01-09T00:00:00"})
    return folder


@pytest.mark.parametrize(("name", "kind"), [("none", Silent), ("last", OnlineForecaster), ("fitted", OnlineForecaster)])
def test_a_city_of_one_shard_has_a_forecaster_of_its_own(name: str, kind: type[Any], network: Network, fitted: Path) -> None:
    of = Forecasters(PlanSettings(forecast=str(fitted) if name == "fitted" else name), network)
    assert isinstance(of.make(network), kind) and of.voice is None and of.bin_s == 900.0


def test_in_a_city_of_several_shards_the_fitted_forecaster_says_to_each_what_it_says_to_all(
    network: Network, fitted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Forecasters(PlanSettings(forecast=str(fitted), weekday=1), network).make(network)
    monkeypatch.setattr(forecasters, "LARGEST_SHARD", 2)
    of = Forecasters(PlanSettings(forecast=str(fitted), weekday=1), network)
    assert of.voice is not None
    of.voice.lead_by(of.champion())
    shards = [of.make(Network("", network.signals[k : k + 2])) for k in (2, 0)]
    sizes = [sum(len(s.movements) for s in network.signals[k : k + 2]) for k in (2, 0)]
    expected: Any = whole.update(SEVEN_S, np.zeros(sum(sizes)))
    for shard, size in zip(shards, sizes, strict=True):
        assert isinstance(shard, PartForecaster) and shard.update(SEVEN_S, np.zeros(size)) is None
    assert of.voice.speak()
    later, first = (shard.update(SEVEN_S + 1.0, np.zeros(size)) for shard, size in zip(shards, sizes, strict=True))
    assert later is not None and first is not None
    np.testing.assert_allclose(np.hstack((first.flow_veh_h, later.flow_veh_h)), expected.flow_veh_h)
    assert first.rung + later.rung == expected.rung


def test_a_city_in_a_zone_asks_the_forecaster_by_the_local_clock(network: Network, fitted: Path) -> None:
    eight_s = float(np.datetime64("2026-05-04T00:00", "s").astype(np.int64))  # of a Monday in Shanghai
    here = Forecasters(PlanSettings(forecast=str(fitted), zone="Asia/Shanghai"), network).make(network)
    there = Forecasters(PlanSettings(forecast=str(fitted), weekday=0), network).make(network)
    silence = np.zeros(len(movement_names(network)))
    found: list[Any] = [here.update(eight_s, silence), there.update(8 * 3600.0, silence)]
    np.testing.assert_array_equal(found[0].flow_veh_h, found[1].flow_veh_h)


def test_who_forecasts_is_said_in_words(network: Network, fitted: Path) -> None:
    words = [Forecasters(PlanSettings(forecast=name), network).who for name in ("none", "last", str(fitted))]
    assert words == ["nobody", "the mean of the last minutes", f"the forecaster in {fitted}"]


def test_no_forecaster_in_the_folder_is_told_at_the_start(network: Network, tmp_path: Path) -> None:
    with pytest.raises(ForecastError, match="no readable card"):
        Forecasters(PlanSettings(forecast=str(tmp_path)), network)
    with pytest.raises(ForecastError, match="none of that name"):
        Forecasters(PlanSettings(zone="Nowhere/Land"), network)
