"""A proxy for TCP connections that can be told to do harm: a link that is silent, slow or refused, between any two programs."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from enum import Enum, auto
from pathlib import Path

_RESET = struct.pack("ii", 1, 0)
_CHUNK = 65536

HOST = "127.0.0.1"

DELAY = 0.2
"""In seconds."""


class Link(Enum):
    """What becomes of connections. `SILENT`: they stand, and nothing comes through. `SLOW`: everything comes `DELAY` later.
    `REFUSED`: they are reset, new ones too."""

    WHOLE = auto()
    SILENT = auto()
    SLOW = auto()
    REFUSED = auto()


class Proxy:
    """Listens on a port of its own and passes on to an address or a Unix socket. `cut_on`: bytes of a client that end its link."""

    def __init__(self, upstream: tuple[str, int] | Path) -> None:
        self._upstream = upstream
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self.cut_on: bytes | None = None
        self._whole = threading.Event()
        self._whole.set()
        self._refuses = False
        self._delay = 0.0
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def set(self, link: Link) -> None:
        """Have the link be so from now on. A link that is whole again passes on what was held back."""
        self._refuses = link is Link.REFUSED
        self._delay = DELAY if link is Link.SLOW else 0.0
        if link is Link.REFUSED:
            self._reset()
        if link is Link.SILENT:
            self._whole.clear()
        else:
            self._whole.set()

    def close(self) -> None:
        """End everything."""
        self._listener.close()
        self.set(Link.REFUSED)

    def _reset(self) -> None:
        with self._lock:
            for each in self._open:
                with contextlib.suppress(OSError):
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                    each.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            if self._refuses:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                return
            with self._connect() as server:
                with self._lock:
                    self._open |= {client, server}
                back = threading.Thread(target=self._pump, args=(server, client), daemon=True)
                back.start()
                self._pump(client, server)
                back.join()
                with self._lock:
                    self._open -= {client, server}

    def _connect(self) -> socket.socket:
        if isinstance(self._upstream, Path):
            made = socket.socket(socket.AF_UNIX)
            made.connect(str(self._upstream))
            return made
        return socket.create_connection(self._upstream)

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK):
                time.sleep(self._delay)
                self._whole.wait()
                if self.cut_on and self.cut_on in data:
                    break
                target.sendall(data)
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
