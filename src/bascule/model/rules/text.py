"""What user text may hold, and the two refusals whose wording is the same for many attributes."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from bascule.model.errors import Invalid, Refused
from bascule.model.objects import (
    HealthMonitor,
    L7Policy,
    L7Rule,
    Listener,
    LoadBalancer,
    Member,
    Object,
    Pool,
    SessionPersistence,
    Vip,
)

# Control characters, line separators, and halves of characters that no encoding can hold.
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,255}")
"""The name of an HTTP header or cookie."""

CIPHERS = re.compile(r"[A-Za-z0-9\-+!:@=_.]+")
"""An OpenSSL cipher list: names, and the operators between them."""


class InvalidOption(Invalid):
    """A value that an attribute cannot have."""

    def __init__(self, value: object, option: str, allowed: str = "") -> None:
        super().__init__(f"{value} is not a valid option for {option}" + (f". Allowed: {allowed}" if allowed else ""))
        self.option = option


class InvalidRule(Invalid):
    """An L7 rule whose parts do not fit each other."""


_NAMES: Mapping[type[Any], tuple[str, ...]] = {
    made: tuple(field.name for field in dataclasses.fields(made))
    for made in (LoadBalancer, Listener, Pool, Member, HealthMonitor, L7Policy, L7Rule, Vip, SessionPersistence)
}


def _clean(value: Any) -> bool:
    """Whether no text in a value holds a control character."""
    if value is None or isinstance(value, (int, float, StrEnum)):
        return True
    if isinstance(value, str):
        return CONTROL.search(value) is None
    if isinstance(value, tuple):
        return all(_clean(each) for each in value)
    if isinstance(value, Mapping):
        return all(_clean(key) and _clean(text) for key, text in value.items())
    return all(_clean(getattr(value, name)) for name in _NAMES[type(value)])


def is_token(text: str) -> bool:
    """Whether a text can be the name of an HTTP header or cookie."""
    return TOKEN.fullmatch(text) is not None


def check_text(each: Object) -> Iterator[Refused]:
    """Refusals of control characters, line breaks included, in any text of an object."""
    for name in _NAMES[type(each)]:
        value = getattr(each, name)
        if value is not None and (CONTROL.search(value) if value.__class__ is str else not _clean(value)):
            yield Invalid(f"{name} must not contain control characters such as line breaks")


def check_ciphers(ciphers: str | None) -> Iterator[Refused]:
    """Refusals of a cipher list that is more than names and the operators between them."""
    if ciphers is not None and not CIPHERS.fullmatch(ciphers):
        yield InvalidOption(ciphers, "tls_ciphers", "an OpenSSL cipher list of letters, digits and -+!:@=_.")
