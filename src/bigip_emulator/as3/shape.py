"""The grammar in which the classes of AS3 are described, and the errors with which a declaration is refused.

A rule checks one value and returns it with defaults filled in. On the way it notes what has to be looked at once the whole shape is
right: pointers to other items, and names of objects that have to be on the device.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bigip_emulator import addresses
from bigip_emulator.web import Json

MISSING: Any = object()
"""The default of what has none."""


class Invalid(Exception):
    """A declaration that AS3 refuses. `where` is a path in the declaration, empty when AS3 does not tell; `status` is the code."""

    def __init__(self, text: str, where: str = "", *, tenant: str = "", named: bool = True, status: int = 422) -> None:
        super().__init__(f"{where}: {text}" if where else text)
        self.text = text
        self.where = where
        self.tenant = tenant or (where.split("/")[1] if where.startswith("/") else "")
        self.named = named
        """Whether the answer names the tenant and the declaration at all."""
        self.status = status


@dataclass(frozen=True)
class Pointer:
    """That something points to an item of one of these classes."""

    where: str
    value: str
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Foreign:
    """That something names an object on the device, of one of these kinds."""

    where: str
    value: str
    kinds: tuple[str, ...]


@dataclass
class Notes:
    """What has to be looked at later."""

    pointers: list[Pointer] = field(default_factory=list)
    foreign: list[Foreign] = field(default_factory=list)


class Rule:
    """What one value has to be."""

    default: Any = MISSING

    def check(self, value: Json, where: str, notes: Notes) -> Json:
        """The value with its defaults. Raises Invalid."""
        raise NotImplementedError


@dataclass(frozen=True)
class Anything(Rule):
    """What nobody looks at."""

    default: Any = MISSING

    def check(self, value: Json, where: str, notes: Notes) -> Json:
        return value


@dataclass(frozen=True)
class Text(Rule):
    """A text of a pattern, a length, a format."""

    default: Any = MISSING
    pattern: str = ""
    shortest: int = 0
    longest: int = 1 << 30
    format: str = ""

    def check(self, value: Json, where: str, notes: Notes) -> Json:
        if not isinstance(value, str):
            raise Invalid("should be string", where)
        if len(value) > self.longest:
            raise Invalid(f"should NOT be longer than {self.longest} characters", where)
        if len(value) < self.shortest:
            raise Invalid(f"should NOT be shorter than {self.shortest} characters", where)
        if self.pattern and not re.search(self.pattern, value):
            raise Invalid(f'data {json.dumps(value)} should match pattern "{self.pattern}"', where)
        if self.format and not _FORMATS[self.format](value):
            raise Invalid(f'should match format "{self.format}"', where)
        return value


def _is_f5bigip(text: str) -> bool:
    return re.fullmatch(r"/[^\x00-\x1f\"'#*<>?\[\\\]{|}\x7f]+", text) is not None


def _is_hostname(text: str) -> bool:
    return len(text) < 254 and all(
        re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", label) for label in text.rstrip(".").split(".")
    )


_FORMATS = {"f5ip": addresses.is_f5ip, "f5bigip": _is_f5bigip, "hostname": _is_hostname}


@dataclass(frozen=True)
class Choice(Rule):
    """One of some words."""

    choices: tuple[str, ...]
    default: Any = MISSING

    def check(self, value: Json, where: str, notes: Notes) -> Json:
        if not isinstance(value, str):
            raise Invalid("should be string", where)
        if value not in self.choices:
            raise Invalid(f"should be equal to one of the allowed values {json.dumps(self.choices, separators=(',', ':'))}", where)
        return value


@dataclass(frozen=True)
class Whole(Rule):
    """A whole number within limits, and not `never`."""

    low: int = 0
    high: int = 4294967295
    default: Any = MISSING
    never: int | None = None

    def check(self, value: Json, where: str, notes: Notes) -> Json:
        if isinstance(value, bool) or not isinstance(value, int):
            raise Invalid("should be integer", where)
        if value < self.low:
            raise Invalid(f"should be >= {self.low}", where)
        if value > self.high:
            raise Invalid(f"should be <= {self.high}", where)
        if value == self.never:
            raise Invalid("should match some schema in anyOf", where)
        return value


@dataclass(frozen=True)
class Flag(Rule):
    """True or false."""

    default: Any = MISSING

    def check(self, value: Json, where: str, notes: Notes) -> Json:
        if not isinstance(value, bool):
            raise Invalid("should be boolean", where)
        return value


@dataclass(frozen=True)
class ListOf(Rule):
    """A list whose elements follow one rule."""

    rule: Rule
    default: Any = MISSING
    least: int = 0

    def check(self, value: Json, where: str, notes: Notes) -> Json:
        if not isinstance(value, list):
            raise Invalid("should be array", where)
        if len(value) < self.least:
            raise Invalid(f"should NOT have fewer than {self.least} items", where)
        return [self.rule.check(one, f"{where}/{number}", notes) for number, one in enumerate(value)]


@dataclass(frozen=True)
class Fields(Rule):
    """An object with these properties, and no other unless it is open. Of those in `any_of` it has to have one."""

    properties: Mapping[str, Rule]
    required: tuple[str, ...] = ()
    default: Any = MISSING
    open: bool = False
    any_of: tuple[str, ...] = ()

    def check(self, value: Json, where: str, notes: Notes) -> Json:
        if not isinstance(value, dict):
            raise Invalid("should be object", where)
        for name in self.required:
            if name not in value:
                raise Invalid(f"should have required property '{name}'", where)
        if self.any_of and not value.keys() & set(self.any_of):
            raise Invalid(f"should have required property '{self.any_of[0]}'", where)
        if value.keys() - self.properties.keys() and not self.open:
            raise Invalid("should NOT have additional properties", where)
        rules = self.properties
        checked = {name: rules[name].check(one, f"{where}/{name}", notes) for name, one in value.items() if name in rules}
        return {**self.defaults(), **checked}

    def defaults(self) -> dict[str, Json]:
        return {name: rule.default for name, rule in self.properties.items() if rule.default is not MISSING}


@dataclass(frozen=True)
class Open(Rule):
    """An object with any properties."""

    default: Any = MISSING

    def check(self, value: Json, where: str, notes: Notes) -> Json:
        if not isinstance(value, dict):
            raise Invalid("should be object", where)
        return value


@dataclass(frozen=True)
class ByType(Rule):
    """Another rule for each JSON type. Whole numbers are `int`."""

    rules: Mapping[type, Rule]
    default: Any = MISSING

    def check(self, value: Json, where: str, notes: Notes) -> Json:
        rule = self.rules.get(type(value))
        if rule is None:
            names = {str: "string", int: "integer", dict: "object", list: "array", bool: "boolean"}
            raise Invalid(f"should be {','.join(names[kind] for kind in self.rules)}", where)
        return rule.check(value, where, notes)


@dataclass(frozen=True)
class Refer(Rule):
    """A pointer to an item of one of the classes, or to an object on the device of one of the kinds.

    `text` and `use` say in which forms the pointer may be written; `words` may stand in its place, for what is built in.
    """

    classes: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    text: bool = False
    use: bool = True
    default: Any = MISSING

    def check(self, value: Json, where: str, notes: Notes) -> Json:
        if isinstance(value, str) and self.words and not self.text:
            return Choice(self.words).check(value, where, notes)
        if isinstance(value, str) and self.text:
            if value not in self.words:
                notes.pointers.append(Pointer(where, value, self.classes))
            return value
        if not isinstance(value, dict):
            raise Invalid("should be object", where)
        allowed = ({"use"} if self.use and self.classes else set()) | ({"bigip"} if self.kinds else set())
        if value.keys() - allowed:
            raise Invalid("should NOT have additional properties", where)
        if len(value) != 1:
            raise Invalid(f"should NOT have {'more' if value else 'fewer'} than 1 properties", where)
        ((form, target),) = value.items()
        Text(shortest=1, format="f5bigip" if form == "bigip" else "").check(target, f"{where}/{form}", notes)
        if form == "use":
            notes.pointers.append(Pointer(f"{where}/use", target, self.classes))
        else:
            notes.foreign.append(Foreign(where, target, self.kinds))
        return value


@dataclass(frozen=True)
class Class:
    """A class: its properties, and those that depend on the value of one of them."""

    properties: Mapping[str, Rule]
    required: tuple[str, ...] = ()
    chooser: str = ""
    chosen: Mapping[str, Mapping[str, Rule]] = field(default_factory=dict)
    excludes: tuple[tuple[str, str], ...] = ()
    """Pairs of properties that may not be together."""
    any_of: tuple[str, ...] = ()
    """Properties of which one at least has to be there."""
    needs: tuple[tuple[str, tuple[str, ...], str], ...] = ()
    """Properties which with one of these values need another one."""
    open: bool = False
    """Whether properties of other classes are taken without a word."""

    def fields(self, item: Mapping[str, Json]) -> Mapping[str, Rule]:
        extra = self.chosen.get(str(item.get(self.chooser)), {}) if self.chooser else {}
        return {**self.properties, **extra}

    def check(self, item: dict[str, Json], where: str, notes: Notes) -> dict[str, Json]:
        checked: dict[str, Json] = Fields(self.fields(item), ("class", *self.required), open=self.open).check(item, where, notes)
        for one, other in self.excludes:
            if one in item and other in item:
                raise Invalid("then is NOT valid", where)
        for name, values, needed in self.needs:
            if item.get(name) in values and needed not in item:
                raise Invalid(f"should have required property '{needed}'", where)
        if self.any_of and not any(name in item for name in self.any_of):
            raise Invalid(f"should have required property '{self.any_of[0]}'", where)
        return checked
