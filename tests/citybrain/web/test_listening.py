"""A port that is taken, or an address that is not ours, is one sentence."""

import pytest

from citybrain.web.listening import listening
from signals.errors import ConfigError


def test_a_taken_port_or_no_address_is_one_sentence() -> None:
    with listening("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1 port {port}"):
            listening("127.0.0.1", port)
    with pytest.raises(ConfigError, match=r"cannot listen on 203\.0\.113\.1"):
        listening("203.0.113.1", 0)
