"""Whether a broker lets somebody in: one connection that says nothing, takes nobody's place and leaves no trace."""

from __future__ import annotations

import asyncio
import importlib
import logging
from typing import Any

from citybrain.field.broker_login import BrokerLogin, broker_trouble

QUIET = logging.getLogger("citybrain.field.probe")
QUIET.setLevel(logging.CRITICAL)


def broker_refusal(host: str, port: int, login: BrokerLogin, within_s: float) -> str:
    """Why it does not, in one sentence; empty where it does. ConfigError where our own certificate cannot be used."""
    return asyncio.run(_asked(host, port, login, within_s))


async def _asked(host: str, port: int, login: BrokerLogin, within_s: float) -> str:
    try:
        mqtt: Any = importlib.import_module("aiomqtt")
    except ImportError:
        return "aiomqtt is not installed; expected `pip install 'citybrain[serve]'`"
    user, password = login.name_and_password()
    client = mqtt.Client(
        host, port, username=user, password=password, tls_context=login.tls_context(), timeout=within_s, keepalive=5, logger=QUIET
    )
    try:
        async with client:
            return ""
    except (mqtt.MqttError, OSError, TimeoutError) as error:
        return broker_trouble(f"{host}:{port}", login, error)
