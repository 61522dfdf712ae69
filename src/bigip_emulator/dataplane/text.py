"""Words of a HAProxy configuration."""

from __future__ import annotations

import re


class Uncarried(Exception):
    """What HAProxy cannot carry, or not be told safely. The text says what and why."""


def quoted(text: str) -> str:
    """A text as one word. Raises Uncarried for what cannot stand in a configuration."""
    if re.search(r"[\x00-\x1f\x7f]", text):
        raise Uncarried("a control character in a text")
    return "'" + text.replace("'", "'\\''") + "'"


def formatted(text: str) -> str:
    """A text as one word where HAProxy would look for expressions in it."""
    return quoted(text.replace("%", "%%"))


def unescaped(text: str) -> bytes:
    r"""The bytes that a monitor sends: `\r`, `\n`, `\t`, `\\` and `\x41` are written with a backslash."""
    simple = {"r": "\r", "n": "\n", "t": "\t", "\\": "\\", '"': '"'}

    def replace(match: re.Match[str]) -> str:
        code = match[1]
        return chr(int(code[1:], 16)) if len(code) == 3 else simple.get(code, code)

    return re.sub(r"\\(x[0-9A-Fa-f]{2}|.)", replace, text).encode()
