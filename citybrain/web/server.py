"""The web server in a thread of its own: listens where the settings say, and ends when it is told to, streams included."""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import Self

import uvicorn
from fastapi import FastAPI

from citybrain.web.access import Access
from citybrain.web.denials import Denials
from citybrain.web.listening import listening

STOP_S = 5.0
MOST_CONNECTIONS = 512


class WebServer:
    """Lives between `start` and `stop`; the socket is bound before, so a taken port is told at once."""

    def __init__(self, app: FastAPI, access: Access, bound: socket.socket | None = None) -> None:
        """`bound`: a socket that listens already, which becomes the server's own."""
        self._access, settings = access, access.settings
        denials: Denials = app.state.denials
        self._socket = listening(settings.host, settings.port) if bound is None else bound
        config = uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="off", ws="none", server_header=False, proxy_headers=False,
            timeout_keep_alive=10, timeout_graceful_shutdown=3, limit_concurrency=MOST_CONNECTIONS, h11_max_incomplete_event_size=32768,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, name="web", daemon=True)
        self._ending = threading.Event()
        self._writer = threading.Thread(target=denials.write_until, args=(self._ending,), name="denials", daemon=True)

    @property
    def address(self) -> str:
        """Where it listens, as a browser wants it."""
        host, port = self._socket.getsockname()[:2]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()
        self._writer.start()

    def stop(self) -> None:
        """Let streams end, finish what is being answered, close."""
        self._access.stopping.set()
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(STOP_S)
        self._ending.set()
        if self._writer.is_alive():
            self._writer.join(STOP_S)
        self._socket.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
