"""Puts values into HAProxy's configuration language, each quoted by type for the place where it lands.

Nothing else in this package may put text of a user into a line. Numbers come from integers, addresses from parsed addresses,
names from ids, everything else is one word between single quotes, where HAProxy expands nothing.
"""

from __future__ import annotations

import ipaddress
import re

from bascule.model.rules.text import is_token

_SPECIAL = re.compile(r"[^A-Za-z0-9_-]", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def word(text: str) -> str:
    """Any text as exactly one word. Raises ValueError for what cannot stand in a line: control characters, line ends."""
    if not printable(text):
        raise ValueError("control characters cannot stand in a HAProxy configuration")
    return "'" + text.replace("'", "'\\''") + "'"


def log_format(text: str) -> str:
    """Any text as one word where HAProxy expands `%` sequences: it comes out as it went in."""
    return word(text.replace("%", "%%"))


def argument(text: str) -> str:
    """A token as one argument between parentheses, still to be made part of a word. Raises ValueError for what is no token."""
    if not is_token(text):
        raise ValueError("only a token can be an argument")
    return f'"{text}"'


def escaped(text: str) -> str:
    """Any text as one word of a command on HAProxy's socket, which knows no quotes. Raises ValueError as `word` does."""
    if not (text and printable(text)):
        raise ValueError("a word of a command is not empty and has no control characters")
    return _SPECIAL.sub(r"\\\g<0>", text)


def printable(text: str) -> bool:
    """Whether a text has neither control characters nor line ends of any kind, nor half characters."""
    return text.isprintable()


def name(object_id: str) -> str:
    """An id as the name of a section, server or ACL, or of a file. Raises ValueError for what is not an id."""
    if not _NAME.fullmatch(object_id):
        raise ValueError("an id holds only letters, digits, dashes and underscores")
    return object_id


def address(text: str, *, bracketed: bool = False) -> str:
    """An IP address with its family, so that HAProxy never takes it for anything else. Raises ValueError, also for a zone.

    `bracketed` is for places where HAProxy would take the end of an IPv6 address for a port.
    """
    if "%" in text:
        raise ValueError("an address with a zone, such as fe80::1%eth0, is not possible")
    parsed = ipaddress.ip_address(text)
    return f"ipv{parsed.version}@[{parsed}]" if bracketed and parsed.version == 6 else f"ipv{parsed.version}@{parsed}"


def endpoint(text: str, port: int) -> str:
    """An IP address and a port."""
    return f"{address(text)}:{port:d}"


def network(cidr: str) -> str:
    """A CIDR. Raises ValueError."""
    return str(ipaddress.ip_network(cidr, strict=False))
