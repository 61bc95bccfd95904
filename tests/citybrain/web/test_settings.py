"""Settings: strangers stay out unless a TLS proxy is said to stand in front."""

import pytest

from citybrain.web.settings import WebSettings, check, is_loopback
from signals.errors import ConfigError


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost"])
def test_this_machine_alone_may_be_listened_to_as_it_is(host: str) -> None:
    assert is_loopback(host) and check(WebSettings(host=host)).host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "city.example", "", "127.0.0.1.evil"])
def test_anywhere_else_needs_a_proxy_that_ends_tls(host: str) -> None:
    with pytest.raises(ConfigError, match="is not loopback, and keys must not cross a network in the clear"):
        check(WebSettings(host=host))
    assert check(WebSettings(host=host, behind_tls_proxy=True, names=("city.example",)))


def test_behind_a_proxy_the_names_are_said() -> None:
    with pytest.raises(ConfigError, match="names must list"):
        check(WebSettings(behind_tls_proxy=True))


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_is_none_is_refused(port: int) -> None:
    with pytest.raises(ConfigError, match=f"port {port}"):
        check(WebSettings(port=port))
