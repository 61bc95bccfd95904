"""Claims about the unit conversions."""

import pytest

from signals import units


def test_conversions_by_hand() -> None:
    assert units.veh_h_from_count(30.0, 900.0) == 120.0
    assert units.km_h_from_mps(10.0) == pytest.approx(36.0)


@pytest.mark.parametrize("value", [0.0, 0.25, 1234.5])
def test_there_and_back_is_the_same(value: float) -> None:
    assert units.count_from_veh_h(units.veh_h_from_count(value, 300.0), 300.0) == pytest.approx(value)
    assert units.mps_from_km_h(units.km_h_from_mps(value)) == pytest.approx(value)
