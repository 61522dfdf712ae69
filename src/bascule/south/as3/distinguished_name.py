"""Finds a field of a distinguished name, as BIG-IP writes it: parts with commas or plus signs between them, special characters in
them behind a backslash or between quotes.

What a name holds was written by whoever asked for the certificate. So it is read from its beginning, part by part: a comma behind a
backslash, or in quotes, begins nothing.
"""

from __future__ import annotations

import re

_VALUE = r'(?:"(?:[^"\\]|\\.)*"|[^,+"\\]|\\.)*'
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9-]*")


def field(name: str, key: str) -> str:
    """A Tcl expression, one word, for the first field with this key in a name, which is a word too; empty if it has none.

    Raises ValueError for what is no key.
    """
    if not _KEY.fullmatch(key):
        raise ValueError("the key of a field holds only letters, digits and dashes")
    found = f"[regexp {{^(?:{_VALUE}[,+] *)*?{key}=({_VALUE})(?:[,+]|$)}} {name} all value]"
    bare = '[regsub -all {\\\\(.)} [string trim $value {"}] {\\1}]'
    return f'[set value ""; if {{ {found} }} {{ set value {bare} }}; set value]'


def is_key(key: str) -> bool:
    """Whether a text can be the key of a field."""
    return _KEY.fullmatch(key) is not None
