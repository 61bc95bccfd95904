"""Claims about findings: who is looked at, and how it is told."""

from pathlib import Path
from typing import Any

import pytest

from citybrain.service import finding
from citybrain.service.finding import Level, Patient, bad, warned, well
from citybrain.service.settings import city_settings


def test_a_finding_is_told_with_its_remedy() -> None:
    assert bad("keys", "gone", "make some").as_json() == {"what": "keys", "level": "bad", "sentence": "gone", "remedy": "make some"}
    assert (well("a", "b").level, well("a", "b").remedy, warned("a", "b", "c").level) == (Level.OK, "", Level.WARN)


def test_a_large_net_is_read_for_the_thorough_alone(city: Any, grid_net: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = city_settings(city.path)
    assert Patient(city.path, settings, 0.0).reads_net
    monkeypatch.setattr(finding, "LARGE_NET_BYTES", grid_net.stat().st_size - 1)
    patient, thorough = Patient(city.path, settings, 0.0), Patient(city.path, settings, 0.0, thorough=True)
    assert not patient.reads_net and thorough.reads_net
    assert len(thorough.network.signals) == 4 and thorough.network is thorough.network
    assert patient.folder == city.state
