"""Where the web layer listens and how much it lets anybody have. Strangers stay out: loopback, unless a TLS proxy stands in front."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from signals.errors import ConfigError

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests a second on average, this many at once."""

    per_s: float
    burst: float


@dataclass(frozen=True, slots=True)
class WebSettings:
    """Checked by `check`; the defaults are for one machine."""

    host: str = "127.0.0.1"
    port: int = 8080
    names: tuple[str, ...] = ()  # host names, beside those of loopback, that people reach the service by
    behind_tls_proxy: bool = False  # a proxy on this machine or its network ends TLS and sets X-Forwarded-For
    per_address: Rate = Rate(100.0, 400.0)
    per_key: Rate = Rate(50.0, 200.0)
    refusals: Rate = Rate(0.2, 10.0)  # of unknown keys, by address; afterwards they are not even answered with a reason
    body_bytes: int = 256 * 1024
    ingest_bytes: int = 16 * 1024 * 1024
    body_s: float = 30.0  # a request's body must have come within this time
    viewers: int = 100  # open event streams
    session_s: float = 12 * 3600.0


def check(settings: WebSettings) -> WebSettings:
    """The settings; ConfigError where they would open the service to a network without TLS."""
    if not 0 <= settings.port <= 65535:
        raise ConfigError(f"web: port {settings.port}; expected 0 to 65535")
    if not is_loopback(settings.host) and not settings.behind_tls_proxy:
        raise ConfigError(
            f"web: host {settings.host} is not loopback, and keys must not cross a network in the clear; "
            "expected 127.0.0.1, or behind_tls_proxy = true with a proxy that ends TLS in front"
        )
    if settings.behind_tls_proxy and not settings.names:
        raise ConfigError("web: behind a proxy, names must list the host names that people use; expected at least one")
    return settings


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach that address."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
