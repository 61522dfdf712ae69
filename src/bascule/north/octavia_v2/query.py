"""What the query string of a list asks for: filters, tags, order, pages and attributes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import msgspec

from bascule.core.reader import Query
from bascule.north.octavia_v2.errors import Malformed
from bascule.north.octavia_v2.schemas.common import Answer, Listing
from bascule.north.octavia_v2.schemas.version import Link

Params = Mapping[str, str | list[str]]

_TAGS = {"tags": "tags", "tags-any": "tags_any", "not-tags": "not_tags", "not-tags-any": "not_tags_any"}
_PAGING = ("limit", "marker", "page_reverse")
_OURS = frozenset({*_TAGS, *_PAGING, "fields", "sort", "sort_key", "sort_dir"})
_DIRECTIONS = {"asc": True, "desc": False}
_TRUE = frozenset({"1", "t", "true", "on", "y", "yes"})
_FALSE = frozenset({"0", "f", "false", "off", "n", "no"})
_LONGEST_ID = 255

MOST_TAGS = 32
"""Different tags that one filter may ask for. What has all of 100 takes PostgreSQL a second to find, all of 400 minutes."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a list is asked for. `fields` None means all attributes."""

    query: Query
    fields: frozenset[str] | None


def parse(noun: Listing, params: Params, page_limit: int, scope: Mapping[str, str]) -> Asked:
    """Read a query string. `scope` are filters that the path gives. Raises Malformed."""
    fields = wanted_fields(params)
    if not params:
        return Asked(Query(filters=scope, limit=page_limit), fields)
    tags = {name: _tags(params, parameter) for parameter, name in _TAGS.items() if parameter in params}
    query = Query(
        filters=_filters(noun, params, scope),
        **tags,
        sort=_sort(noun, params),
        limit=_limit(params, page_limit),
        marker=_marker(params),
        reverse=params.get("page_reverse") == "True",
    )
    return Asked(query, fields)


def flag(params: Params, name: str) -> bool:
    """A parameter that is true or false, and false where it is missing."""
    return boolean(name, _single(params, name)) if name in params else False


def boolean(name: str, text: str) -> bool:
    """A text as true or false. Raises Malformed for what is neither."""
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise Malformed(f"{name}: {text!r} is neither true nor false")


def texts(params: Params, name: str) -> list[str]:
    """All values of a parameter, as they were given."""
    value = params.get(name, [])
    return value if isinstance(value, list) else [value]


def exact(params: Params, names: Sequence[str]) -> dict[str, str]:
    """The filters of a list that is not kept in tables. Raises Malformed for any other name."""
    asked = [name for name in params if name not in _OURS]
    if unknown := [name for name in asked if name not in names]:
        raise _invalid(unknown)
    return {name: _single(params, name) for name in asked}


def wanted_fields(params: Params) -> frozenset[str] | None:
    """The attributes asked for. A list of names separated by commas is no list here, as in the original API."""
    return frozenset(texts(params, "fields")) if "fields" in params else None


def select(answer: Answer, fields: frozenset[str] | None) -> Answer | dict[str, Any]:
    """An answer, or only some of its attributes. Those that do not exist are passed over."""
    if fields is None:
        return answer
    some = {name: getattr(answer, name) for name in answer.__struct_fields__ if name in fields}
    return {name: value for name, value in some.items() if value is not msgspec.UNSET}


def links(url: str, params: Params, query: Query, ids: Sequence[str]) -> list[Link]:
    """Where the next and the previous page are. A full page always has a next one, even when that is empty."""
    kept = [(name, value) for name, value in params.items() if name not in _PAGING]

    def link(rel: str, marker: str, *more: tuple[str, str]) -> Link:
        asked = urlencode([*kept, ("limit", query.limit), ("marker", marker), *more], doseq=True)
        return Link(href=f"{url}?{asked}", rel=rel)

    found = []
    if ids and len(ids) == query.limit:
        found.append(link("next", ids[-1]))
    if ids and query.marker is not None:
        found.append(link("previous", ids[0], ("page_reverse", "True")))
    return found


def _split(params: Params, name: str) -> tuple[str, ...]:
    return tuple(part for value in texts(params, name) for part in value.split(",") if part)


def _tags(params: Params, name: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(_split(params, name)))
    if len(found) > MOST_TAGS:
        raise Malformed(f"{name}: {len(found)} tags are too many. At most {MOST_TAGS} are allowed")
    return found


def single(params: Params, name: str) -> str | None:
    """The value of a parameter that may be given once; None where it is missing."""
    return _single(params, name) if name in params else None


def _single(params: Params, name: str) -> str:
    value = params[name]
    if isinstance(value, list):
        raise _invalid([name])
    return value


def _invalid(names: Iterable[str]) -> Malformed:
    return Malformed(f"One or more arguments are either duplicate or invalid: {', '.join(names)}")


def _filters(noun: Listing, params: Params, scope: Mapping[str, str]) -> dict[str, Any]:
    names = [name for name in params if name not in _OURS]
    if unknown := [name for name in names if name not in noun.filters]:
        raise _invalid(unknown)
    found: dict[str, Any] = dict(scope)
    for name in names:
        column, kind = noun.filters[name]
        value = _value(name, _single(params, name), kind)
        if found.setdefault(column, value) != value:
            raise _invalid([name])
    return found


def _value(name: str, text: str, kind: type) -> Any:
    if name in ("created_at", "updated_at"):
        return _time(name, text)
    if kind is bool:
        return boolean(name, text)
    try:
        return kind(text)
    except ValueError as error:
        raise Malformed(f"{name}: {text!r} is not a number") from error


def _time(name: str, text: str) -> float:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
    except (ValueError, OverflowError) as error:
        raise Malformed(f"{name}: {text!r} is not a time such as 2026-01-31T12:00:00") from error


def _sort(noun: Listing, params: Params) -> tuple[tuple[str, bool], ...]:
    if "sort" in params:
        keys = [key.partition(":")[::2] for key in _split(params, "sort")]
    else:
        names, directions = _split(params, "sort_key"), _split(params, "sort_dir")
        if len(directions) > len(names):
            raise Malformed(f"sort_dir: {len(directions)} directions for {len(names)} keys")
        keys = [(name, directions[at] if at < len(directions) else "") for at, name in enumerate(names)]
    return tuple(_sort_key(noun, name, direction) for name, direction in keys)


def _sort_key(noun: Listing, name: str, direction: str) -> tuple[str, bool]:
    if name not in noun.columns:
        raise Malformed(f"sort: {name!r} is not one of {', '.join(sorted(noun.columns))}")
    if (direction.lower() or "asc") not in _DIRECTIONS:
        raise Malformed(f"sort: {direction!r} is neither asc nor desc")
    return noun.columns[name][0], _DIRECTIONS[direction.lower() or "asc"]


def _limit(params: Params, page_limit: int) -> int:
    if "limit" not in params:
        return page_limit
    text = _single(params, "limit")
    if text == "infinite":
        return page_limit
    try:
        limit = int(text)
    except ValueError as error:
        raise Malformed(f"limit: {text!r} is not a number") from error
    return page_limit if limit < 1 else min(limit, page_limit)


def _marker(params: Params) -> str | None:
    if "marker" not in params:
        return None
    marker = _single(params, "marker")
    if len(marker) > _LONGEST_ID:
        raise Malformed(f"Supplied pagination marker '{marker[:_LONGEST_ID]}...' is not valid.")
    return marker
