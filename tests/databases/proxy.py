"""A proxy in front of PostgreSQL: counts flights, and tells how much was sent."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable

from sqlalchemy import make_url

_PORT = 5432
_CHUNK = 65_536


class Proxy:
    """Listens on a port of this machine; `url` is the database behind it, `flights` how often a client had to wait.

    When `limit` bytes of clients went on, `at_limit` is called.
    """

    def __init__(self, url: str, limit: int | None = None, at_limit: Callable[[], object] = int) -> None:
        target = make_url(url)
        directory = target.query.get("host")
        port = target.port or _PORT
        self._target = f"{directory}/.s.PGSQL.{port}" if directory else (target.host, port)
        self._limit = limit
        self._at_limit = at_limit
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = target.set(
            host="127.0.0.1",
            port=self._listener.getsockname()[1],
            query={"sslmode": "disable", "gssencmode": "disable"},
        ).render_as_string(hide_password=False)
        self.flights = 0
        self.sent = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Accept no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._forward, args=(client,), daemon=True).start()

    def _forward(self, client: socket.socket) -> None:
        server = socket.socket(socket.AF_UNIX if isinstance(self._target, str) else socket.AF_INET)
        server.connect(self._target)
        client_speaks = False
        with client, server:
            while True:
                readable, _, _ = select.select([client, server], [], [])
                for source in readable:
                    try:
                        data = source.recv(_CHUNK)
                    except OSError:
                        return
                    if not data:
                        return
                    if source is client and not client_speaks:
                        self.flights += 1
                    client_speaks = source is client
                    if client_speaks:
                        self._send(server, data)
                    else:
                        client.sendall(data)

    def _send(self, server: socket.socket, data: bytes) -> None:
        left = len(data) if self._limit is None else self._limit - self.sent
        server.sendall(data[:left])
        self.sent += len(data)
        if left < len(data):
            self._at_limit()
