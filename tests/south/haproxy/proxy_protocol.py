"""The server's side of the PROXY protocol: what is said of a connection before its first byte."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass

_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


class NoHeaderError(OSError):
    """Something else came first."""


@dataclass(frozen=True)
class Header:
    """What was said. Source and destination are addresses with their ports; None where there is no client behind."""

    version: int
    source: tuple[str, int] | None
    destination: tuple[str, int] | None


def read(connection: socket.socket) -> Header:
    """Take the header off a connection, and not a byte more. Raises NoHeaderError, or OSError when the connection breaks."""
    begin = _exactly(connection, 6)
    if begin == b"PROXY ":
        return _words(connection)
    if begin + _exactly(connection, 6) == _SIGNATURE:
        return _binary(connection)
    raise NoHeaderError(begin)


def _words(connection: socket.socket) -> Header:
    """Version 1: a line of words."""
    line = b""
    while not line.endswith(b"\r\n"):
        line += _exactly(connection, 1)
    family, *rest = line.decode("ascii").split()
    if family == "UNKNOWN":
        return Header(1, None, None)
    source, destination, source_port, destination_port = rest
    assert family == f"TCP{'6' if ':' in source else '4'}", line
    return Header(1, (source, int(source_port)), (destination, int(destination_port)))


def _binary(connection: socket.socket) -> Header:
    """Version 2: a block of a given length."""
    command, family, high, low = _exactly(connection, 4)
    block = _exactly(connection, high * 256 + low)
    if command == 0x20:
        return Header(2, None, None)
    size = {0x11: 4, 0x21: 16}[family]
    source, destination, ports = block[:size], block[size : 2 * size], block[2 * size : 2 * size + 4]
    addresses = [str(ipaddress.ip_address(packed)) for packed in (source, destination)]
    return Header(2, (addresses[0], int.from_bytes(ports[:2])), (addresses[1], int.from_bytes(ports[2:])))


def _exactly(connection: socket.socket, length: int) -> bytes:
    found = b""
    while len(found) < length:
        part = connection.recv(length - len(found))
        if not part:
            raise NoHeaderError(found)
        found += part
    return found
