"""A reader of HAProxy's configurations, made from the manual and not from the code that writes them."""

from __future__ import annotations

import re

_REDIRECTS = ("http-request", "redirect")
_HEADERS = {
    ("http-request", "set-header"),
    ("http-response", "set-header"),
    ("http-after-response", "set-header"),
    ("http-check", "send"),
}
"""Directives that set a header to a word in which HAProxy expands `%` sequences."""


def words(line: str) -> list[str]:
    """A line cut into words the way HAProxy's manual describes it, in section 2.2."""
    found: list[str] = []
    current: str | None = None
    quote = ""
    position = 0
    while position < len(line):
        char = line[position]
        if quote == "'":
            quote, current = ("", current) if char == "'" else (quote, (current or "") + char)
        elif char == "\\" and not quote:
            position += 1
            assert position < len(line), "a backslash at the end of a line"
            current = (current or "") + {"r": "\r", "n": "\n", "t": "\t"}.get(line[position], line[position])
        elif char == "'":
            quote, current = char, current or ""
        elif char == '"':
            raise AssertionError("nothing here is written in double quotes, in which variables count")
        elif char == "#":
            break
        elif char in " \t":
            found += [current] if current is not None else []
            current = None
        else:
            current = (current or "") + char
        position += 1
    assert not quote, "an open quote"
    return found + ([current] if current is not None else [])


def parsed(text: str) -> list[list[str]]:
    # HAProxy ends a line at a line feed and nowhere else.
    return [found for line in text.split("\n") if (found := words(line))]


def expands(line: list[str], place: int) -> bool:
    """Whether HAProxy expands `%` sequences in a word of a line."""
    directive = line[0], line[1] if len(line) > 1 else ""
    if directive == _REDIRECTS:
        return line[place - 1] in ("location", "prefix")
    return directive in _HEADERS and line[place - 2] in ("hdr", "set-header")


def unexpanded(text: str) -> str:
    """What comes out of a word that HAProxy expands. No sequence but a doubled percent sign may be in it."""
    assert re.fullmatch(r"(?:[^%]|%%)*", text, re.DOTALL), text
    return text.replace("%%", "%")
