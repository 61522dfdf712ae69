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


def read_standing(row: Sequence[Any]) -> Standing:
    """The standing in a row that begins with the columns of a codec."""
    created, changed, deleted, created_at, updated_at, provisioning, operating = row[: len(_STANDING)]
    return Standing(
        stamps=Stamps(created, changed, deleted),
        created_at=created_at,
        updated_at=updated_at,
        provisioning_status=_PROVISIONING[provisioning],
        operating_status=_OPERATING[operating],
    )


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


class Codec:
    """Between objects of one kind and the rows of their table.

    A row that is to be read, by `read` and by `read_standing`, begins with `columns`.
    """

    def __init__(self, made: type[Object]) -> None:
        self.table = objects[made.kind]
        self._made = made
        self._write: list[tuple[str, _Convert, str, str | None]] = []
        self._read: list[tuple[str, _Convert]] = []
        self._groups: list[tuple[str, Any, dict[str, str]]] = []
        for name, hint in typing.get_type_hints(made).items():
            if dataclasses.is_dataclass(hint):
                parts = typing.get_type_hints(hint)
                self._groups.append((name, hint, {part: f"{name}_{part}" for part in parts}))
                for part, part_hint in parts.items():
                    self._add(f"{name}_{part}", part_hint, name, part)
            else:
                self._add(name, hint, name, None)
        self._names = [column for column, *_ in self._write]
        self.columns = [self.table.c[name] for name in (*_STANDING, *self._names)]

    def _add(self, column: str, hint: Any, attribute: str, part: str | None) -> None:
        write, read = _converters(hint)
        self._write.append((column, write, attribute, part))
        if read is not _same:
            self._read.append((column, read))

    def read(self, row: Sequence[Any]) -> Any:
        """The object in a row that begins with `columns`."""
        values = dict(zip(self._names, row[len(_STANDING) :], strict=False))
        for column, convert in self._read:
            values[column] = convert(values[column])
        for name, group, parts in self._groups:
            values[name] = group(**{part: values.pop(column) for part, column in parts.items()})
        return self._made(**values)

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
