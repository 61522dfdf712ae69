"""How bodies are read, and how all that is wrong with one is told.

A body is decoded and checked in one step. Only when that fails is it looked at again, attribute by attribute, to list every
problem with what would have been allowed.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import types
import typing
import uuid
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType, inspect

from bascule.north.octavia_v2.errors import Malformed

T = TypeVar("T")

Given: TypeAlias = T | UnsetType
"""An attribute that may be left out."""

Maybe: TypeAlias = T | UnsetType | None
"""An attribute that may be left out, or null to have its default."""

_PROBLEMS_SHOWN = 20
_VALUE_SHOWN = 100


class Body(Struct, kw_only=True, forbid_unknown_fields=True):
    """What a request may hold. An attribute that is not declared is an error."""


class Checked(str):
    """Text of a certain form. It is checked, and written in its usual form, when a body is read."""

    __slots__ = ()

    form: ClassVar[str]
    """The name of the form in JSON Schema."""
    expected: ClassVar[str]

    @classmethod
    def usual(cls, text: str) -> str:
        """The usual way to write this text. Raises ValueError where it has not the form."""
        raise NotImplementedError


class Uuid(Checked):
    """A UUID, written with lower-case letters and dashes."""

    __slots__ = ()
    form = "uuid"
    expected = "Value should be UUID format"

    @classmethod
    def usual(cls, text: str) -> str:
        return str(uuid.UUID(text))


class IpAddress(Checked):
    """An IPv4 or IPv6 address."""

    __slots__ = ()
    form = "ip"
    expected = "Value should be IPv4 or IPv6 format"

    @classmethod
    def usual(cls, text: str) -> str:
        if "%" in text:
            raise ValueError(text)
        return str(ipaddress.ip_address(text))


class Cidr(Checked):
    """A network. A lone address is the network of just that address."""

    __slots__ = ()
    form = "cidr"
    expected = "Value should be IPv4 or IPv6 CIDR format"

    @classmethod
    def usual(cls, text: str) -> str:
        if "%" in text:
            raise ValueError(text)
        return str(ipaddress.ip_network(text, strict=False))


def _checked(kind: type[Checked], value: Any) -> Checked:
    try:
        return kind(kind.usual(value))
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(kind.expected) from error


def reader(body: type[T]) -> Callable[[bytes], T]:
    """A function that reads a body of a type. It raises Malformed with all that is wrong.

    As in the original API, numbers and booleans may also be written as text.
    """
    decoder = msgspec.json.Decoder(body, strict=False, dec_hook=_checked)

    def read(raw: bytes) -> T:
        try:
            return decoder.decode(raw)
        except msgspec.ValidationError as error:
            raise Malformed("; ".join(_explain(raw, body)) or str(error)) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Malformed("Request is not in valid JSON format") from error

    return read


def _explain(raw: bytes, body: type[Any]) -> list[str]:
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return []
    found = []
    for problem in _problems(value, body, ""):
        found.append(problem)
        if len(found) == _PROBLEMS_SHOWN:
            break
    return found


def _problems(value: Any, wanted: Any, path: str) -> Iterator[str]:
    """All that is wrong with a decoded value, in words."""
    wanted = _without_unset(wanted)
    try:
        msgspec.convert(value, wanted, strict=False, dec_hook=_checked)
        return
    except msgspec.ValidationError as error:
        reason = str(error)
    plain, info = _plain(wanted)
    if isinstance(info, inspect.StructType) and isinstance(value, dict):
        yield from _struct_problems(value, plain, path)
    elif isinstance(info, inspect.ListType) and isinstance(value, list) and value:
        (item,) = typing.get_args(plain)
        for index, each in enumerate(value):
            yield from _problems(each, item, f"{path}[{index}]")
    else:
        shown = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        why = _allowed(info) or reason
        yield f"Invalid input for field/attribute {path or 'body'}. Value: '{shown[:_VALUE_SHOWN]}'. {why}"


def _struct_problems(value: dict[str, Any], wanted: type[Struct], path: str) -> Iterator[str]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(wanted)}
    for name in value:
        if name not in fields:
            why = "It cannot be changed" if _is_fixed(wanted, name) else f"Known: {', '.join(sorted(fields))}"
            yield f"Unknown attribute for argument {path or 'body'}: {name[:_VALUE_SHOWN]}. {why}"
    for name, field in fields.items():
        where = f"{path}.{name}" if path else name
        if name in value:
            yield from _problems(value[name], field.type, where)
        elif field.required:
            yield f"Invalid input for field/attribute {where}. Value: 'None'. Mandatory field missing."


def _is_fixed(wanted: type[Struct], name: str) -> bool:
    """Whether a body of creation, which is a body of change with more attributes, has an attribute."""
    larger = wanted.__subclasses__()
    return any(name in each.__struct_fields__ or _is_fixed(each, name) for each in larger)


def _without_unset(wanted: Any) -> Any:
    if isinstance(wanted, types.UnionType) or typing.get_origin(wanted) is typing.Union:
        kept = tuple(part for part in typing.get_args(wanted) if part is not UnsetType)
        return typing.Union[kept]  # noqa: UP007 - built at run time
    return wanted


def _plain(wanted: Any) -> tuple[Any, inspect.Type]:
    """A type without null, as it is written and as msgspec sees it."""
    parts = typing.get_args(wanted) if typing.get_origin(wanted) is typing.Union else (wanted,)
    plain = next(part for part in parts if part is not type(None))
    info = inspect.type_info(plain)
    while typing.get_origin(plain) is typing.Annotated:
        plain = typing.get_args(plain)[0]
    return plain, info.type if isinstance(info, inspect.Metadata) else info


def _allowed(info: inspect.Type) -> str | None:
    """What would have been a right value of a type, in words; None where msgspec's own words are better."""
    match info:
        case inspect.EnumType(cls=options):
            return "Value should be one of: " + ", ".join(sorted(str(option.value) for option in options))
        case inspect.LiteralType(values=options):
            return "Value should be one of: " + ", ".join(sorted(str(option) for option in options))
        case inspect.CustomType(cls=kind) if issubclass(kind, Checked):
            return kind.expected
        case inspect.BoolType():
            return "Value should be true or false"
        case inspect.IntType(ge=low, le=high):
            return f"Value should be a number{_between(low, high)}"
        case inspect.FloatType(ge=low, le=high):
            return f"Value should be a number{_between(low, high)}"
        case inspect.StrType(max_length=longest):
            return "Value should be text" + (f" of at most {longest} characters" if longest else "")
        case inspect.ListType(min_length=1):
            return "Value should be a list that is not empty"
    return None


def _between(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f" from {low} to {high}"
    return f", greater or equal to {low}" if low is not None else ""


def schema(kind: type) -> dict[str, Any]:
    """The JSON Schema of a checked text."""
    assert issubclass(kind, Checked)
    return {"type": "string", "format": kind.form}


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
