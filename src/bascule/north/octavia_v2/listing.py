"""Pages of lists that are put together here and not by the database: few things, or such as have no table of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bascule.core.reader import Query
from bascule.north.octavia_v2 import query
from bascule.north.octavia_v2.door import Call
from bascule.north.octavia_v2.errors import Malformed
from bascule.north.octavia_v2.schemas.common import Answer, Listing, moment

_TIMES = ("created_at", "updated_at")


def page(call: Call, listing: Listing, answers: Sequence[Answer]) -> dict[str, Any]:
    """The answer that shows one page of these. Filters that are no attributes of theirs have been applied. Raises Malformed."""
    asked = query.parse(listing, call.params, call.door.page_limit, {})
    if asked.query.tags or asked.query.tags_any or asked.query.not_tags or asked.query.not_tags_any:
        raise Malformed(f"{listing.many} have no tags.")
    matching = [each for each in answers if all(_has(each, name, value) for name, value in asked.query.filters.items())]
    found = _cut(_sorted(matching, listing, asked.query), listing, asked.query)
    url = f"{call.request.prefix}{call.request.path}"
    links = query.links(url, call.params, asked.query, [getattr(each, listing.key) for each in found])
    return {listing.many: [query.select(each, asked.fields) for each in found], listing.linked: links}


def one(call: Call, listing: Listing, answer: Answer) -> dict[str, Any]:
    """The answer that shows one of these."""
    return {listing.one: query.select(answer, query.wanted_fields(call.params))}


def _has(each: Answer, name: str, value: Any) -> bool:
    if name not in each.__struct_fields__:
        return True
    return bool(getattr(each, name) == (moment(value) if name in _TIMES else value))


def _sorted(answers: Sequence[Answer], listing: Listing, asked: Query) -> list[Answer]:
    """In the order that is asked for, and as they are given where that says nothing; what is missing comes first."""
    found = list(answers)
    for name, ascending in reversed(asked.sort):
        if name not in listing.answer.__struct_fields__:
            raise Malformed(f"sort: {listing.many} cannot be sorted by {name}")
        found.sort(key=lambda each, name=name: _place(getattr(each, name)), reverse=not ascending)  # type: ignore[misc]
    return found


def _place(value: Any) -> tuple[bool, Any]:
    return value is not None, 0 if value is None else value


def _cut(found: list[Answer], listing: Listing, asked: Query) -> list[Answer]:
    limit = len(found) if asked.limit is None else asked.limit
    if asked.marker is None:
        return found[-limit:] if asked.reverse else found[:limit]
    at = next((at for at, each in enumerate(found) if getattr(each, listing.key) == asked.marker), None)
    if at is None:
        raise Malformed(f"Supplied pagination marker '{asked.marker}' is not valid.")
    return found[max(0, at - limit) : at] if asked.reverse else found[at + 1 : at + 1 + limit]
