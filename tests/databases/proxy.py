"""A proxy in front of PostgreSQL: counts flights, tells how much was sent, and cuts connections."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

from sqlalchemy import make_url

_PORT = 5432
_CHUNK = 65_536
_LENGTH = 4
_ASKING = (b"S", b"Q")  # Sync, Query


class Proxy:
    """Listens on a port of this machine; `url` is the database behind it, `flights` how often a client waited.

    Flights are counted by the messages that ask (Sync and Query), not by who speaks when: a server may answer
    before the last of what a client sends has arrived.

    When `limit` bytes of clients went on, `at_limit` is called (by default all connections are cut), once. `altered`
    makes what a client gets of what the server answers.
    """

    def __init__(self, url: str, limit: int | None = None, at_limit: Callable[[], object] | None = None) -> None:
        target = make_url(url)
        directory = target.query.get("host")
        port = target.port or _PORT
        self._target = f"{directory}/.s.PGSQL.{port}" if directory else (target.host, port)
        self._limit = limit
        self._at_limit = at_limit or self.cut
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = target.set(
            host="127.0.0.1",
            port=self._listener.getsockname()[1],
            query={"sslmode": "disable", "gssencmode": "disable"},
        ).render_as_string(hide_password=False)
        self.flights = 0
        self.sent = 0
        self.altered: Callable[[bytes], bytes] = bytes
        self._connected: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Accept no more connections."""
        self._listener.close()

    def cut(self) -> None:
        """End all connections, whatever is on its way in either direction."""
        while self._connected:
            with suppress(OSError):  # that one has ended already
                self._connected.pop().shutdown(socket.SHUT_RDWR)

    def limit_to(self, more: int) -> None:
        """Have it happen when so many bytes more went on."""
        self._limit = self.sent + more

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
        self._connected += [client, server]
        requests = _Requests()
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
                    if source is client:
                        self.flights += requests.count(data)
                        self._send(server, data)
                    else:
                        with suppress(OSError):  # the client is gone
                            client.sendall(self.altered(data))

    def _send(self, server: socket.socket, data: bytes) -> None:
        left = len(data) if self._limit is None else self._limit - self.sent
        with suppress(OSError):  # the server is gone
            server.sendall(data[:left])
        self.sent += len(data)
        if left < len(data):
            self._limit = None
            self._at_limit()


class _Requests:
    """Cuts what one client sends into the messages of PostgreSQL's protocol."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._head = 0  # the first message has no type

    def count(self, data: bytes) -> int:
        """How many of the messages that end in `data` ask the server to answer."""
        self._data += data
        found = 0
        while len(self._data) >= self._head + _LENGTH:
            end = self._head + int.from_bytes(self._data[self._head : self._head + _LENGTH])
            if len(self._data) < end:
                break
            found += self._head > 0 and self._data[:1] in _ASKING
            del self._data[:end]
            self._head = 1
        return found
