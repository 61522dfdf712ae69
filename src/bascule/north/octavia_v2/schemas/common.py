"""What the schemas of all nouns share."""

from __future__ import annotations

import dataclasses
import time
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from operator import attrgetter
from typing import Any

import msgspec
from msgspec import Struct

from bascule.core.reader import Shown
from bascule.model.objects import Kind, Object
from bascule.model.status import Standing

Related = Mapping[str, Sequence[str]]
"""The ids of what belongs to an object, by what it is."""


class Answer(Struct, kw_only=True, gc=False):
    """What an answer holds. Answers refer to nothing that refers back, so the garbage collector need not look at them."""


class Ref(Answer, kw_only=True):
    """Another object, by its id."""

    id: str


def refs(ids: Sequence[str]) -> list[Ref]:
    """Other objects, by their ids."""
    return [Ref(id=each) for each in ids]


@lru_cache(maxsize=16384)
def _moment(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


def moment(seconds: float | None) -> str | None:
    """A time as this API writes it: UTC, to the second, without a zone."""
    return None if seconds is None else _moment(int(seconds))


def _names(kind: type[Any]) -> list[str]:
    return [each.name for each in dataclasses.fields(kind)]


_ATTRIBUTES: dict[type[Any], tuple[Sequence[str], Callable[[Any], Sequence[Any]]]] = {
    kind: (_names(kind), attrgetter(*_names(kind))) for kind in (*typing.get_args(Object), Standing)
}
"""The names of the attributes of objects and of standings, and what gets them all."""


class View:
    """One object of a tree, looked at as if it were the row of a list."""

    def __init__(self, each: Object, standing: Standing, **more: Any) -> None:
        for one in (each, standing):
            names, values = _ATTRIBUTES[type(one)]
            self.__dict__.update(zip(names, values(one), strict=True))
        self.__dict__.update(more)


_PARSERS = (str, bool, int, float)
_DERIVED = ("healthmonitor_id", "vip_vnic_type")
"""Attributes that a list can be filtered, but not sorted by: they follow from something else than a column of their own."""

_NOT_COLUMNS = ("tenant_id", *_DERIVED)


@dataclass(frozen=True, kw_only=True)
class Listing:
    """Something that the API lists: what it is called, and by what a list can be filtered and sorted.

    `key` is the attribute that names one of them. `links` is where a list tells of other pages. `of_projects`: each belongs to a
    project, so who may see those of all projects is a question of its own.
    `also` names filters that are no attributes of the answer, and columns that have other names than their attributes.
    """

    one: str
    many: str
    answer: type[Answer]
    key: str = "id"
    links: str = ""
    of_projects: bool = False
    also: Mapping[str, str] = field(default_factory=dict)

    @property
    def linked(self) -> str:
        """What holds the links to other pages."""
        return self.links or f"{self.many}_links"

    @cached_property
    def filters(self) -> dict[str, tuple[str, type]]:
        """The attributes that a list can be filtered by: the name of each for the reader, and the type of its values."""
        return self.columns | {name: (name, str) for name in _DERIVED if name in self.answer.__struct_fields__}

    @cached_property
    def columns(self) -> dict[str, tuple[str, type]]:
        """The attributes that a list can be sorted by: the column of each, and the type of its values."""
        found: dict[str, tuple[str, type]] = {}
        for each in msgspec.structs.fields(self.answer):
            parts = typing.get_args(each.type) if isinstance(each.type, types.UnionType) else (each.type,)
            parsed = [part for part in parts if part in _PARSERS]
            if parsed and each.name not in _NOT_COLUMNS:
                found[each.name] = each.name, parsed[0]
        return found | {name: (column, str) for name, column in self.also.items()}


@dataclass(frozen=True, kw_only=True)
class Noun(Listing):
    """One kind of object of load balancers, and how a row of it is shown."""

    kind: Kind
    show: Callable[[Any, Related], Answer]
    of_projects: bool = True

    def answers(self, found: Sequence[Shown]) -> list[Answer]:
        """Objects of this kind as they are shown."""
        show = self.show
        return [show(each.row, each.related) for each in found]
