"""How bodies are read, and how what they give becomes attributes of the model."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Iterable
from typing import Any, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType

from bascule.north.octavia_v2.checked import Checked, check
from bascule.north.octavia_v2.errors import Malformed
from bascule.north.octavia_v2.problems import explain

T = TypeVar("T")

Given: TypeAlias = T | UnsetType
"""An attribute that may be left out."""

Maybe: TypeAlias = T | UnsetType | None
"""An attribute that may be left out, or null to have its default."""


class Body(Struct, kw_only=True, forbid_unknown_fields=True):
    """What a request may hold. An attribute that is not declared is an error."""


def reader(body: type[T]) -> Callable[[bytes], T]:
    """A function that reads a body of a type. It raises Malformed with all that is wrong.

    As in the original API, numbers and booleans may also be written as text.
    """
    decoder = msgspec.json.Decoder(body, strict=False, dec_hook=check)

    def read(raw: bytes) -> T:
        try:
            return decoder.decode(raw)
        except msgspec.ValidationError as error:
            raise Malformed("; ".join(explain(raw, body)) or str(error)) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Malformed("Request is not in valid JSON format") from error

    return read


def known(value: Maybe[T]) -> T | None:
    """The value of an attribute; None where it is null or left out."""
    return None if value is UNSET or value is None else value


def plain(value: Any) -> Any:
    """A value as the model holds it: lists as tuples without repetitions, checked text as plain text."""
    if isinstance(value, Checked):
        return str(value)
    if isinstance(value, list):
        return tuple(dict.fromkeys(plain(each) for each in value))
    return value


def _defaults(made: type[Any]) -> dict[str, Any]:
    found = {}
    for field in dataclasses.fields(made):
        factory = field.default_factory
        found[field.name] = field.default if factory is dataclasses.MISSING else factory()
    return found


class Attributes:
    """Turns what a body gives into the attributes of one kind of object of the model. `but` are left to the caller."""

    def __init__(self, made: type[Any], *, but: Iterable[str] = ()) -> None:
        # In this API, admin_state_up null does not mean the default.
        defaults = _defaults(made) | {"admin_state_up": False}
        self._defaults = {name: default for name, default in defaults.items() if name not in but}

    def __call__(self, body: Struct) -> dict[str, Any]:
        """The attributes that a body gives, with null as the attribute's default."""
        found = {}
        for name in body.__struct_fields__:
            value = getattr(body, name)
            if value is UNSET or name not in self._defaults:
                continue
            found[name] = self._defaults[name] if value is None else plain(value)
        return found


Text = typing.Annotated[str, msgspec.Meta(max_length=255)]
ProjectId = typing.Annotated[str, msgspec.Meta(max_length=36)]
Port = typing.Annotated[int, msgspec.Meta(ge=1, le=65535)]
Ciphers = typing.Annotated[str, msgspec.Meta(max_length=2048)]
TlsVersion = Literal["SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"]
TlsVersions = typing.Annotated[list[TlsVersion], msgspec.Meta(min_length=1)]
AlpnProtocol = Literal["h2", "http/1.1", "http/1.0"]
AlpnProtocols = typing.Annotated[list[AlpnProtocol], msgspec.Meta(min_length=1)]
