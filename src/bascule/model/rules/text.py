"""What user text may hold, and the two refusals whose wording is the same for many attributes."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from typing import Any

from bascule.model.errors import Invalid
from bascule.model.objects import Object

# Control characters, line separators, and halves of characters that no encoding can hold.
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""The name of an HTTP header or cookie."""

CIPHERS = re.compile(r"[A-Za-z0-9\-+!:@=_.]+")


class InvalidOption(Invalid):
    """A value that an attribute cannot have."""

    def __init__(self, value: object, option: str, allowed: str = "") -> None:
        super().__init__(f"{value} is not a valid option for {option}" + (f". Allowed: {allowed}" if allowed else ""))
        self.option = option


class InvalidRule(Invalid):
    """An L7 rule whose parts do not fit each other."""


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, Mapping):
        yield from value.keys()
        yield from value.values()
    elif dataclasses.is_dataclass(value):
        for part in dataclasses.fields(value):
            yield from _texts(getattr(value, part.name))


def check_text(each: Object) -> None:
    """Refuse control characters, line breaks included, in any text of an object."""
    for field in dataclasses.fields(each):
        if any(CONTROL.search(text) for text in _texts(getattr(each, field.name))):
            raise Invalid(f"{field.name} must not contain control characters such as line breaks")


def check_ciphers(ciphers: str | None) -> None:
    """Refuse a cipher list that is more than names and the operators between them."""
    if ciphers is not None and not CIPHERS.fullmatch(ciphers):
        raise InvalidOption(ciphers, "tls_ciphers", "an OpenSSL cipher list of letters, digits and -+!:@=_.")
