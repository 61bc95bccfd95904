"""What the rig writes for the processes that it puts up; the processes themselves are tried in test_scenes.py."""

from __future__ import annotations

from pathlib import Path

from benchmarks.chaos.rig import RigSpec, service_on, written_scenario
from citybrain.service.desk import Role
from citybrain.service.keys import KeyRing
from citybrain.service.settings import city_settings
from sumo_nets.scenario import check, scenario


def test_a_scenario_is_written_with_sumos_own_record_of_the_lights(tmp_path: Path) -> None:
    place = written_scenario(scenario("grid_2x2"), tmp_path / "street")
    found = check(scenario(place))
    assert found.end_s == scenario("grid_2x2").end_s and found.weekday == scenario("grid_2x2").weekday
    said = found.additional[-1].read_text(encoding="utf-8")
    assert all(f'source="{name}"' in said for name in ("A0", "A1", "B0", "B1")) and str(place / "lights.xml") in said


def test_a_service_has_settings_of_its_own_and_a_key(tmp_path: Path) -> None:
    one = service_on(RigSpec(tmp_path, broker="127.0.0.1:1883", shifted=True), 1)
    settings = city_settings(one.settings)
    assert settings.street.wire == ("mqtt", "127.0.0.1", 1883) and settings.keep.folder == one.state
    key = KeyRing(one.state / "keys.json", lambda: 0.0).find(one.token)
    assert key is not None and key.role is Role.ADMIN
    assert one.shift is not None and one.shift.read_text(encoding="ascii") == "0"
    assert not one.ready() and one.alarms() == set()
