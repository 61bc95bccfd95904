"""Claims about what the service stands on: what is missing is named, with what brings it."""

import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from citybrain.field.broker_login import BrokerLogin
from citybrain.service import doctor_place, finding
from citybrain.service.doctor_place import ALWAYS, WRITTEN_S, Package, installed, newest_record_s
from citybrain.service.finding import Finding, Level, Patient
from citybrain.service.settings import city_settings
from forecasting.count_book import CountBook
from forecasting.history import FlowHistory
from forecasting.upkeep import Wanted, keep_up

NOW_S = 1_800_000_100.0


def seen(city: Any, check: Any, now_s: float = NOW_S) -> list[Finding]:
    """What one check finds at a city."""
    return list(check(Patient(city.path, city_settings(city.path), now_s)))


def test_a_package_that_is_missing_is_named_with_the_extra_that_brings_it() -> None:
    found = list(installed([*ALWAYS, Package("soup", "no_such_module_soup", "serve")]))
    assert [(one.level, one.sentence, one.remedy) for one in found[:-1]] == [
        (Level.BAD, "soup is not installed", "pip install 'citybrain[serve]'")
    ]
    assert "numpy" in found[-1].sentence and found[-1].level is Level.OK


def test_parts_of_sumo_of_several_versions_are_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_place, "version", lambda name: "1.26.0" if name == "traci" else "1.28.0")
    found = list(installed([*ALWAYS, Package("traci", "json", "sumo")]))
    assert found[-1].level is Level.WARN and "1.26.0, 1.28.0" in found[-1].sentence


@pytest.mark.parametrize(
    ("now_s", "level", "words"),
    [
        (NOW_S, Level.OK, "past every audit record"),
        (1_800_000_000.0 - 3600.0, Level.BAD, "3600 s from now"),
        (WRITTEN_S - 86400.0, Level.BAD, "1 days before this program"),
    ],
)
def test_a_clock_that_stands_wrong_is_noticed(city: Any, now_s: float, level: Level, words: str) -> None:
    found = seen(city, doctor_place.clock, now_s)
    assert [one.level for one in found] == [level] and words in found[0].sentence


def test_the_newest_record_of_no_store_is_none(city: Any, tmp_path: Path) -> None:
    assert newest_record_s(city.state / "city.db") == 1_800_000_000.0
    (tmp_path / "soup").write_text("soup")
    assert newest_record_s(tmp_path / "soup") == newest_record_s(tmp_path / "none") == 0.0


def test_a_net_is_read_unless_it_is_missing_or_large(city: Any, grid_net: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "4 signals under the rules resco" in seen(city, doctor_place.net)[0].sentence
    monkeypatch.setattr(finding, "LARGE_NET_BYTES", 10)
    assert "not read (`--thorough` does)" in seen(city, doctor_place.net)[0].sentence
    city.path.write_text(city.path.read_text().replace(str(grid_net), "none.xml"))
    missing = seen(city, doctor_place.net)[0]
    assert missing.level is Level.BAD and "no such file" in missing.sentence


@pytest.mark.parametrize(("name", "level"), [("learned", Level.OK), ("max_pressure", Level.OK), ("fixed", Level.BAD)])
def test_a_controller_is_one_that_makes_plans(make_city: Any, name: str, level: Level) -> None:
    found = seen(make_city("one", plan=f'controller = "{name}"'), doctor_place.controller)
    assert [one.level for one in found] == [level]
    assert level is Level.OK or "max_pressure" in found[0].remedy


@pytest.mark.parametrize(("name", "level"), [("last", Level.OK), ("none", Level.OK), ("nowhere", Level.BAD)])
def test_a_forecaster_that_cannot_be_loaded_is_said(make_city: Any, name: str, level: Level) -> None:
    assert [one.level for one in seen(make_city("one", plan=f'forecast = "{name}"'), doctor_place.forecast)] == [level]


def test_who_is_champion_and_what_the_next_refit_learns_from_is_said(make_city: Any, tmp_path: Path) -> None:
    kept, names = tmp_path / "kept", ("a", "b")
    veh = np.full((4 * 96, 2), 3.0)
    keep_up(kept, FlowHistory(np.datetime64("2026-05-01", "s"), 900.0, names, veh), Wanted("2026-05-05T01:40", "last"))
    city = make_city("one", plan=f'forecast = "{kept}"')
    found = seen(city, doctor_place.forecast)
    assert [one.level for one in found] == [Level.OK, Level.WARN, Level.WARN]
    assert "last fitted until 2026-05-05T00:00:00, 2 movements, champion since 2026-05-05T01:40 (founded)" in found[0].sentence
    assert "plan.zone is not set" in found[1].sentence and "has not counted yet" in found[2].sentence
    book = CountBook(city.state / "counts", names, 900.0)
    assert "nothing has been counted yet" in seen(city, doctor_place.forecast)[2].sentence
    book.note(np.datetime64("2026-05-05T00:00", "s"), np.ones(2))
    book.flush()
    last = seen(city, doctor_place.forecast)[2]
    assert last.level is Level.OK and last.sentence.endswith("counts from 2026-05-05T00:00:00 to 2026-05-05T00:15:00")


def test_sources_are_there_or_named(make_city: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_place, "CONNECT_S", 0.2)
    city = make_city("one")
    (tmp_path / "counts.csv").write_text("at_s,sensor,value\n")
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        places = (
            ("replay", tmp_path / "counts.csv"),
            ("replay", "none.csv"),
            ("mqtt", f"127.0.0.1:{port}/x"),
            ("mqtt", "soup"),
            ("soup", "x"),
        )
        city.path.write_text(city.path.read_text() + "".join(f'[[sources]]\nkind = "{kind}"\nat = "{at}"\n' for kind, at in places))
        found = seen(city, doctor_place.sources)
    assert [one.level for one in found] == [Level.OK, Level.BAD, Level.WARN, Level.BAD, Level.BAD]
    assert "does it want TLS" in found[2].sentence, "it is tried again, so the service can start"


def test_a_broker_is_well_that_lets_us_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_place, "broker_refusal", lambda host, port, login, within_s: "no" if login.user else "")
    assert doctor_place.broker("b", "127.0.0.1:1", BrokerLogin()).level is Level.OK
    assert doctor_place.broker("b", "127.0.0.1:1", BrokerLogin("eve")).sentence == "b: no"


def test_a_city_that_uses_mqtt_and_sumo_needs_their_packages(make_city: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_place, "installed", lambda needed: [finding.well("packages", one.name) for one in needed])
    city = make_city("one", street="simulated = true")
    city.path.write_text(city.path.read_text().replace("tcp:", "mqtt:") + '[[sources]]\nkind = "replay"\nat = "x.parquet"\n')
    names = {one.sentence for one in seen(city, doctor_place.packages)}
    assert {"aiomqtt", "libsumo", "polars", "numpy"} <= names
