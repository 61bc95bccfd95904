"""The socket that the web server answers on: bound first of all, long before there is anything to answer with."""

from __future__ import annotations

import socket

from signals.errors import ConfigError


def listening(host: str, port: int) -> socket.socket:
    """A bound socket; ConfigError where somebody else has the port, or there is no such address."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # The protocol is named, for asyncio sends without delay (40 ms an answer) only on sockets that say they are TCP.
        bound = socket.socket(family, kind, socket.IPPROTO_TCP)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
            bound.listen(256)
        except OSError:
            bound.close()
            raise
        return bound
    except OSError as error:
        raise ConfigError(f"web: cannot listen on {host} port {port} ({error.strerror or error})") from error
