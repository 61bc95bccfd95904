"""A look at a broker that takes nobody's place; who is let in and who is not: `test_broker_login.py`."""

import importlib
import socket
from typing import Any

import pytest

from citybrain.field.broker_login import BrokerLogin
from citybrain.field.broker_probe import broker_refusal


def test_a_broker_that_is_there_lets_us_in_and_a_listener_that_is_none_does_not(broker: Any) -> None:
    assert broker_refusal("127.0.0.1", broker.port, BrokerLogin(), 5.0) == ""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        place = f"127.0.0.1:{mute.getsockname()[1]}"
        assert broker_refusal("127.0.0.1", mute.getsockname()[1], BrokerLogin(), 0.2).startswith(f"broker {place}: takes the connection")


def test_without_the_client_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    assert "aiomqtt is not installed" in broker_refusal("127.0.0.1", 1, BrokerLogin(), 1.0)
