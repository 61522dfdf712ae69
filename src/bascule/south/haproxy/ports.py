"""Whether a port can be bound on this machine, tried the way HAProxy would bind it."""

from __future__ import annotations

import errno
import ipaddress
import socket
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why HAProxy could not bind a port, in words. `in_use`: only because another program has it."""

    text: str
    in_use: bool


def trouble(address: str, port: int, *, shared: bool) -> Trouble | None:
    """Why HAProxy could not bind a port; None if it could. Binds it for a moment, without listening.

    `shared`: another process of the same user may hold it, as the running HAProxy of the same instance does at a reload.
    """
    family = socket.AF_INET6 if ipaddress.ip_address(address).version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if shared:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind((address, port))
    except OSError as error:
        return Trouble(f"port {port} of {address} cannot be bound: {_words(error)}.", error.errno == errno.EADDRINUSE)
    return None


def _words(error: OSError) -> str:
    if error.errno in (errno.EACCES, errno.EPERM):
        return "HAProxy has no right to such a low port here; ports from 1024 need none"
    if error.errno == errno.EADDRINUSE:
        return "another program uses it"
    if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
        return "the address is not on this machine"
    return error.strerror or str(error)
