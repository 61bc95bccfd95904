import inspect

import pytest

from forecasting.base import Forecaster, Model
from forecasting.models import MODELS
from forecasting.online import OnlineForecaster


@pytest.mark.parametrize("name", MODELS)
def test_every_model_has_the_methods_of_the_protocol_with_its_parameters(name: str) -> None:
    for method in ("expect", "degraded", "arrays", "from_arrays"):
        asked = inspect.signature(getattr(Model, method)).parameters
        given = inspect.signature(getattr(MODELS[name].cls, method)).parameters
        assert list(given) == list(asked), method


def test_the_online_forecaster_is_one_of_the_loop() -> None:
    forecaster: Forecaster = OnlineForecaster(("m",))
    assert list(inspect.signature(forecaster.update).parameters) == ["now_s", "counts_veh"]
