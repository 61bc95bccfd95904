"""Which wire a city's file asks for, and what it knows when it is laid."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from citybrain.field.mqtt import MqttTransport
from citybrain.field.secret_file import made_secret
from citybrain.field.server import FieldServer
from citybrain.service import doctor_wire
from citybrain.service.finding import Patient
from citybrain.service.settings import SourceSettings, StreetSettings, city_settings
from citybrain.service.wires import broker_of, wire_to
from signals.errors import ConfigError


def until(claim: Callable[[], bool], server: FieldServer) -> bool:
    return any((server.receive(0.02), claim())[1] for _ in range(400))


def test_a_street_with_a_secret_is_reached_by_who_has_it(tmp_path: Path) -> None:
    secret_file = tmp_path / "street.secret"
    with closing(FieldServer(secret=made_secret(secret_file))) as server:
        at = f"tcp:127.0.0.1:{server.port}"
        with closing(wire_to(StreetSettings(Path("n"), at, secret_file=secret_file), "city")) as wire:
            assert until(lambda: wire.connected, server) and wire.trouble == ""
        with closing(wire_to(StreetSettings(Path("n"), at), "city")) as wire:
            assert until(lambda: "expected a secret_file that both ends have" in wire.trouble, server)
    with pytest.raises(ConfigError, match="no such file"):
        wire_to(StreetSettings(Path("n"), at, secret_file=tmp_path / "none"), "city")


def test_the_doctor_says_that_the_secret_is_missing(city: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import threading

    monkeypatch.setattr(doctor_wire.listened, "__defaults__", (0.6,))
    with closing(FieldServer(secret=made_secret(tmp_path / "street.secret"))) as server:
        city.path.write_text(city.path.read_text().replace("tcp:127.0.0.1:1", f"tcp:127.0.0.1:{server.port}"))
        over = threading.Event()

        def live() -> None:
            while not over.is_set():
                server.receive(0.01)

        thread = threading.Thread(target=live)
        thread.start()
        try:
            (found,) = doctor_wire.street(Patient(city.path, city_settings(city.path), 1_800_000_100.0))
        finally:
            over.set()
            thread.join()
    assert "wants to know a secret; expected a secret_file that both ends have" in found.sentence


def test_a_broker_s_street_and_a_source_s_broker(tmp_path: Path) -> None:
    pytest.importorskip("aiomqtt")
    with closing(wire_to(StreetSettings(Path("n"), "mqtt:127.0.0.1:1", user="citybrain"), "city")) as wire:
        assert isinstance(wire, MqttTransport) and not wire.connected
    found = broker_of(SourceSettings("mqtt", "h:1883/a/#", user="loop"))
    assert (found.host, found.port, found.topic, found.login.user) == ("h", 1883, "a/#", "loop")
    for at in ("h:1883", "h/x", "soup"):
        with pytest.raises(ConfigError, match="expected HOST:PORT/TOPIC"):
            broker_of(SourceSettings("mqtt", at))
