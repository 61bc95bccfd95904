"""Which wires a city's file asks for: to its street, and to brokers that sensors speak to. Secrets are read here, when a wire is laid."""

from __future__ import annotations

import importlib
from typing import Any

from citybrain.field.transport import Transport
from citybrain.service.settings import SourceSettings, StreetSettings
from signals.errors import ConfigError


def wire_to(street: StreetSettings, site: str) -> Transport:
    """The centre's end of the wire; ConfigError, in one sentence, where what opens it cannot be read."""
    kind, host, port = street.wire
    if kind == "tcp":
        client: Any = importlib.import_module("citybrain.field.client")
        made: Transport = client.TcpTransport(host, port, secret=street.secret)
        return made
    mqtt: Any = importlib.import_module("citybrain.field.mqtt")
    made = mqtt.MqttTransport(host, port, site, field=False, login=street.read_login())
    return made


def broker_of(source: SourceSettings) -> Any:
    """Where an MQTT source's messages are, as `citybrain.intake.mqtt_source` wants it."""
    place, _, topic = source.at.partition("/")
    host, _, port = place.rpartition(":")
    if not (host and port.isdigit() and topic):
        raise ConfigError(f"sources: at {source.at!r}; expected HOST:PORT/TOPIC")
    mqtt: Any = importlib.import_module("citybrain.intake.mqtt_source")
    return mqtt.Broker(host, topic, int(port), login=source.read_login())
