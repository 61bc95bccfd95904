"""Every export can be read back, and says what runs."""

import csv
import io
import math
from xml.etree import ElementTree

import pytest

from citybrain.service.desk import Mode, SetMode
from citybrain.service.exports import EXPORTS, exported, one_number, row
from citybrain.service.service import CityService
from signals.errors import ConfigError
from signals.types import Network

pytestmark = pytest.mark.sumo


@pytest.mark.parametrize("what", EXPORTS)
def test_every_export_can_be_read_back(serving: CityService, grid: Network, what: str) -> None:
    serving.submit(SetMode(Mode.AUTOMATIC), "Ann")
    for _ in range(60):
        serving.follow_orders()
        serving.tick(serving.plant.street.now_s)
        serving.plant.street.wait(serving.plant.street.now_s + 1.0, 1.0)
    data = b"".join(exported(serving, what, 0.0, math.inf))
    if what.endswith(".xml"):
        names = [one.get("id") for one in ElementTree.fromstring(data)]
        assert names == [s.id for s in grid.signals]
    else:
        rows = list(csv.DictReader(io.StringIO(data.decode())))
        assert {r["signal"] for r in rows} == {s.id for s in grid.signals}
        assert "now_s" not in rows[0] or len(rows) == 4 * 6


def test_there_is_no_other_export(serving: CityService) -> None:
    with pytest.raises(ConfigError, match="known are plans"):
        exported(serving, "secrets.csv", 0.0, 1.0)


def test_a_spreadsheet_takes_no_name_for_a_formula() -> None:
    assert row(("=1+1", 2.5, None)) == b"'=1+1,2.5,\r\n"
    assert one_number(math.nan, 1) is None and one_number(1.26, 1) == 1.3
