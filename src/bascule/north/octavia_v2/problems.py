"""All that is wrong with a body, in words, with what would have been allowed.

Reading a body stops at the first problem. Only then is it looked at again here, attribute by attribute.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec
from msgspec import Struct, UnsetType, inspect

from bascule.north.octavia_v2.checked import Checked, check

_PROBLEMS_SHOWN = 20
_VALUE_SHOWN = 100


def explain(raw: bytes, body: type[Any]) -> list[str]:
    """The first problems of a body that could not be read as this type. Empty where it is not even JSON."""
    try:
        return list(islice(_problems(msgspec.json.decode(raw), body, ""), _PROBLEMS_SHOWN))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return []


def _problems(value: Any, wanted: Any, path: str) -> Iterator[str]:
    """All that is wrong with a decoded value, in words."""
    wanted = _without_unset(wanted)
    try:
        msgspec.convert(value, wanted, strict=False, dec_hook=check)
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
        why = _too_far(info, value) or _allowed(info) or reason
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


def _too_far(info: inspect.Type, value: Any) -> str | None:
    """The words of the original API for a number that is too low or too high; None where it is neither."""
    if not isinstance(info, (inspect.IntType, inspect.FloatType)) or isinstance(value, bool):
        return None
    try:
        number = float(value) if isinstance(value, str) else value
        too_high = info.le is not None and number > info.le
        too_low = info.ge is not None and number < info.ge
    except (TypeError, ValueError):
        return None
    if too_high:
        return f"Value should be lower or equal to {info.le}: a number{_between(info.ge, info.le)}"
    if too_low:
        return f"Value should be greater or equal to {info.ge}: a number{_between(info.ge, info.le)}"
    return None


def _between(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f" from {low} to {high}"
    return f", greater or equal to {low}" if low is not None else ""
