"""A network that takes its time: forwards the connections to PostgreSQL, each way later by half of the delay.

A process of its own, so that it takes no time of the client's. Started by `delayed`.
"""

from __future__ import annotations

import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import make_url

_PORT = 5432
_CHUNK = 65_536
_Delayed = queue.SimpleQueue[tuple[float, bytes]]


@contextmanager
def delayed(url: str, milliseconds: float) -> Iterator[str]:
    """The URL by which the database at `url` is that much farther away, there and back, until the block ends."""
    target = make_url(url)
    directory = target.query.get("host")
    port = str(target.port or _PORT)
    command = [sys.executable, "-m", __name__, str(directory or target.host), port, str(milliseconds)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        own = int(process.stdout.readline())
        plain = {"sslmode": "disable", "gssencmode": "disable"}
        yield target.set(host="127.0.0.1", port=own, query=plain).render_as_string(hide_password=False)
    finally:
        process.communicate()  # it ends with its input


def main(host: str, port: str, milliseconds: str) -> None:
    """Listen, say where, and forward until the input ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    target = f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, int(port))
    threading.Thread(target=_accept, args=(listener, target, float(milliseconds) / 2_000), daemon=True).start()
    sys.stdin.read()


def _accept(listener: socket.socket, target: str | tuple[str, int], seconds: float) -> None:
    while True:
        client, _ = listener.accept()
        server = socket.socket(socket.AF_UNIX if isinstance(target, str) else socket.AF_INET)
        server.connect(target)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for source, sink in ((client, server), (server, client)):
            waiting: _Delayed = queue.SimpleQueue()
            threading.Thread(target=_receive, args=(source, waiting, seconds), daemon=True).start()
            threading.Thread(target=_send, args=(sink, waiting), daemon=True).start()


def _receive(source: socket.socket, waiting: _Delayed, seconds: float) -> None:
    data = b"begin"
    while data:
        try:
            data = source.recv(_CHUNK)
        except OSError:
            data = b""
        waiting.put((time.monotonic() + seconds, data))


def _send(sink: socket.socket, waiting: _Delayed) -> None:
    while True:
        moment, data = waiting.get()
        time.sleep(max(0.0, moment - time.monotonic()))
        with suppress(OSError):  # that side is gone
            if not data:
                sink.shutdown(socket.SHUT_RDWR)
                return
            sink.sendall(data)


if __name__ == "__main__":
    main(*sys.argv[1:])
