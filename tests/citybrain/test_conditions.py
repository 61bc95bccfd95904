"""Claims about conditions: each is a spec that can be run, and a wrong name is answered with the nearest."""

import pytest

from citybrain.conditions import CONDITIONS, Condition, conditions_of
from citybrain.detected import check_sensing
from citybrain.episode import EpisodeSpec, check_demand
from signals.errors import ConfigError


@pytest.mark.parametrize("one", CONDITIONS.values(), ids=lambda one: one.name)
def test_every_condition_is_one_that_an_episode_can_have(one: Condition) -> None:
    check_sensing(one.sensing, one.sensor_faults)
    check_demand(one.demand, one.heavy)
    assert one.is_of_sensors == (one.sensing != EpisodeSpec().sensing)
    assert one.title and one.title_zh


def test_each_condition_differs_from_all_others_and_only_one_from_nothing() -> None:
    usual = EpisodeSpec()
    fields = ("sensing", "sensor_faults", "demand", "heavy", "incident")
    settings = {one.name: tuple(getattr(one, key) for key in fields) for one in CONDITIONS.values()}
    assert len(set(settings.values())) == len(settings)
    assert [name for name, values in settings.items() if values == tuple(getattr(usual, key) for key in fields)] == ["clean"]


def test_names_are_taken_once_and_in_their_order() -> None:
    assert [one.name for one in conditions_of(["incident", "clean", "incident"])] == ["incident", "clean"]


def test_a_wrong_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"condition 'dead_20': no such condition; did you mean 'dead_"):
        conditions_of(["clean", "dead_20"])
