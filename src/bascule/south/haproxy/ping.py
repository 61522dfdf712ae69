"""Asks a host by ICMP whether it is there. HAProxy runs this as a program of its own for every probe of a PING monitor.

It lies whole in the folder of a configuration, without the rest of Bascule, and goes on when Bascule is gone. As it is started
again and again, it takes `_socket`, which `socket` is made of: that halves the start.
"""

import _socket as socket
import os
import time

_REQUEST = {socket.AF_INET: 8, socket.AF_INET6: 128}
_REPLY = {socket.AF_INET: 0, socket.AF_INET6: 129}
_PROTOCOL = {socket.AF_INET: socket.IPPROTO_ICMP, socket.AF_INET6: socket.IPPROTO_ICMPV6}


def opened(family: int) -> tuple[socket.socket, bool]:
    """A socket for ICMP, and whether it is a raw one. Raises OSError where the system permits neither kind."""
    try:
        return socket.socket(family, socket.SOCK_DGRAM, _PROTOCOL[family]), False
    except OSError:
        return socket.socket(family, socket.SOCK_RAW, _PROTOCOL[family]), True


def answers(address: str, timeout: float) -> bool:
    """Whether a host answers one request within `timeout` seconds."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        connection, raw = opened(family)
        try:
            return _answered(connection, address, family, raw, timeout)
        finally:
            connection.close()
    except OSError:
        return False


def _answered(connection: socket.socket, address: str, family: int, raw: bool, timeout: float) -> bool:
    """Ask, and wait for what bears the mark of the request: a raw socket hears what others are told, too. Raises OSError."""
    deadline = time.monotonic() + timeout
    mark = os.urandom(16)
    connection.settimeout(timeout)
    connection.connect((address, 0))
    connection.send(_request(_REQUEST[family], mark))
    while (left := deadline - time.monotonic()) > 0:
        connection.settimeout(left)
        heard = connection.recv(256)
        if raw and family == socket.AF_INET:
            heard = heard[(heard[0] & 15) * 4 :]
        if heard[0] == _REPLY[family] and heard[8:] == mark:
            return True
    return False


def _request(kind: int, mark: bytes) -> bytes:
    """An echo request. The kernel puts in the number of a ping socket, and the checksum of ICMPv6."""
    message = bytes([kind, 0, 0, 0, *mark[:2], 0, 1]) + mark
    total = sum(int.from_bytes(message[at : at + 2], "big") for at in range(0, len(message), 2))
    total = (total & 0xFFFF) + (total >> 16)
    checksum = ~(total + (total >> 16)) & 0xFFFF
    return message[:2] + checksum.to_bytes(2, "big") + message[4:]
