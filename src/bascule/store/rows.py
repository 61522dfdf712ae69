"""Objects and the rows of their tables, in both directions.

How a field becomes columns follows from its type, once per kind at import: a new field of a model class needs a column
of the same name, and nothing here. A plain value is its column. An enum is its text. A tuple, a mapping and a group
of fields that may be missing (`session_persistence`) are JSON. A group that is always there (`vip`) has one column for
each of its fields, with the group's name before it.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from bascule.model.objects import (
    HealthMonitor,
    Kind,
    L7Policy,
    L7Rule,
    Listener,
    ListenerProtocol,
    LoadBalancer,
    Member,
    Object,
    Pool,
)
from bascule.model.status import Operating, Provisioning, Stamps, Standing
from bascule.store.tables import objects

_Convert = Callable[[Any], Any]


def _same(value: Any) -> Any:
    return value


def _maybe(convert: _Convert) -> _Convert:
    return lambda value: None if value is None else convert(value)


def _converters(hint: Any) -> tuple[_Convert, _Convert]:
    """How a value of this type is written into a column, and how it is made from a column."""
    arguments = typing.get_args(hint)
    if isinstance(hint, types.UnionType):
        write, read = _converters(next(each for each in arguments if each is not types.NoneType))
        return (write, read) if write is _same else (_maybe(write), _maybe(read))
    if typing.get_origin(hint) is tuple:
        write, read = _converters(arguments[0])
        if write is _same:
            return list, tuple
        return lambda values: [write(each) for each in values], lambda values: tuple(read(each) for each in values)
    if typing.get_origin(hint) is Mapping:
        return dict, _same
    if dataclasses.is_dataclass(hint):
        return _group_converters(hint)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        # Drivers write an enum in ways of their own, so it becomes a plain text here.
        return str, {str(each): each for each in hint}.__getitem__
    return _same, _same


def _group_converters(group: Any) -> tuple[_Convert, _Convert]:
    parts = [(name, *_converters(hint)) for name, hint in typing.get_type_hints(group).items()]

    def write(value: Any) -> dict[str, Any]:
        return {name: out(getattr(value, name)) for name, out, _ in parts}

    def read(value: Mapping[str, Any]) -> Any:
        return group(**{name: back(value[name]) for name, _, back in parts})

    return write, read


_STANDING = ("created", "changed", "deleted", "created_at", "updated_at", "provisioning_status", "operating_status")
_PROVISIONING = {str(each): each for each in Provisioning}
_OPERATING = {str(each): each for each in Operating}


def write_standing(standing: Standing) -> dict[str, Any]:
    """The columns of a standing. What is deleted gives up its natural key at once."""
    stamps = standing.stamps
    return {
        "created": stamps.created,
        "changed": stamps.changed,
        "deleted": stamps.deleted,
        "live": 1 if stamps.deleted is None else None,
        "created_at": standing.created_at,
        "updated_at": standing.updated_at,
        "provisioning_status": str(standing.provisioning_status),
        "operating_status": str(standing.operating_status),
    }


_TRANSPORTS = {ListenerProtocol.UDP: "udp", ListenerProtocol.SCTP: "sctp"}


def _derived(each: Object) -> dict[str, Any]:
    """Columns that follow from an object's attributes, or that its kind has no attribute for."""
    if isinstance(each, Listener):
        return {"transport": _TRANSPORTS.get(each.protocol, "tcp")}
    return {"name": ""} if isinstance(each, L7Rule) else {}


class _Code:
    """Puts an expression together, of calls on what is in `row`, and makes a function of it."""

    def __init__(self) -> None:
        self._names: dict[str, Any] = {}

    def call(self, function: _Convert, argument: str) -> str:
        """A function that is called with an expression; the expression itself where the function changes nothing."""
        return argument if function is _same else f"{self._name(function)}({argument})"

    def make(self, made: Any, values: Mapping[str, str]) -> str:
        """An object of a class, with expressions for its attributes."""
        return f"{self._name(made)}({', '.join(f'{name}={text}' for name, text in values.items())})"

    def function(self, expression: str) -> Callable[[Sequence[Any]], Any]:
        made: Callable[[Sequence[Any]], Any] = eval(f"lambda row: {expression}", self._names)
        return made

    def _name(self, each: Any) -> str:
        name = f"_{len(self._names)}"
        self._names[name] = each
        return name


class Codec:
    """Between objects of one kind and the rows of their table. `columns` are those that an object and its standing are made of."""

    def __init__(self, made: type[Object]) -> None:
        self.table = objects[made.kind]
        self._made = made
        self._write: list[tuple[str, _Convert, str, str | None]] = []
        self._read: dict[str, _Convert] = {}
        self._groups: dict[str, tuple[Any, dict[str, str]]] = {}
        for name, hint in typing.get_type_hints(made).items():
            if dataclasses.is_dataclass(hint):
                parts = typing.get_type_hints(hint)
                self._groups[name] = hint, {part: f"{name}_{part}" for part in parts}
                for part, part_hint in parts.items():
                    self._add(f"{name}_{part}", part_hint, name, part)
            else:
                self._add(name, hint, name, None)
        names = (*_STANDING, *(column for column, *_ in self._write))
        self.columns = [self.table.c[name] for name in names]

    def _add(self, column: str, hint: Any, attribute: str, part: str | None) -> None:
        write, self._read[column] = _converters(hint)
        self._write.append((column, write, attribute, part))

    def reader(
        self, places: Mapping[str, int], converts: Mapping[int, _Convert]
    ) -> Callable[[Sequence[Any]], tuple[Any, Standing]]:
        """A function that makes an object and its standing of a row.

        `places` tells where in the row each of `columns` is, `converts` what is to be done first with what is at some places.
        """
        # As code of its own, which has a call for each object and nothing else: an edit reads a dozen of them.
        code = _Code()

        def value(column: str, convert: _Convert = _same) -> str:
            place = places[column]
            return code.call(convert, code.call(converts.get(place, _same), f"row[{place}]"))

        def group(made: Any, parts: Mapping[str, str]) -> str:
            return code.make(made, {part: value(column, self._read[column]) for part, column in parts.items()})

        plain = [attribute for _, _, attribute, part in self._write if part is None]
        attributes = {name: value(name, self._read[name]) for name in plain}
        attributes |= {name: group(made, parts) for name, (made, parts) in self._groups.items()}
        standing = {
            "stamps": code.make(Stamps, {name: value(name) for name in ("created", "changed", "deleted")}),
            "created_at": value("created_at"),
            "updated_at": value("updated_at"),
            "provisioning_status": value("provisioning_status", _PROVISIONING.__getitem__),
            "operating_status": value("operating_status", _OPERATING.__getitem__),
        }
        return code.function(f"({code.make(self._made, attributes)}, {code.make(Standing, standing)})")

    def write(self, each: Object) -> dict[str, Any]:
        """The columns of an object's attributes."""
        values = {}
        for column, convert, attribute, part in self._write:
            value = getattr(each, attribute)
            values[column] = convert(value if part is None else getattr(value, part))
        return values | _derived(each)


CODECS: dict[Kind, Codec] = {
    made.kind: Codec(made) for made in (LoadBalancer, Listener, Pool, Member, HealthMonitor, L7Policy, L7Rule)
}
