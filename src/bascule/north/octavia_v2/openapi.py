"""The OpenAPI document, made from the route table and the types that bodies and answers are made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from bascule.north.octavia_v2 import checked
from bascule.north.octavia_v2.errors import ErrorBody
from bascule.north.octavia_v2.routes import ROUTES, TOP, Route
from bascule.north.octavia_v2.schemas.common import Listing
from bascule.north.octavia_v2.schemas.version import Link

_REF = "#/components/schemas/{name}"
_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number"}
_LIST_PARAMETERS = ("fields", "limit", "marker", "page_reverse", "sort", "sort_key", "sort_dir")
_TAG_PARAMETERS = ("tags", "tags-any", "not-tags", "not-tags-any")
_PARAMETER = re.compile(r"{(\w+)}")


class NotServed(msgspec.Struct, kw_only=True):
    """How a request is answered that no route is meant for."""

    code: int
    title: str
    description: str


def document() -> dict[str, Any]:
    """The whole document."""
    routes = [(route, route.path) for route in TOP] + [(route, route.canonical) for route in ROUTES]
    types = {id(kind): kind for kind in _types(routes)}
    references, components = msgspec.json.schema_components(types.values(), schema_hook=checked.schema, ref_template=_REF)
    schemas = dict(zip(types, references, strict=True))
    paths: dict[str, Any] = {}
    for route, path in routes:
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, path, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Bascule: OpenStack load-balancing API v2", "version": "2.30"},
        "paths": paths,
        "components": {"schemas": components},
    }


def _types(routes: Iterable[tuple[Route, str]]) -> Iterator[Any]:
    yield from (ErrorBody, NotServed, Link)
    for route, _ in routes:
        if route.takes is not None:
            yield route.takes
        if route.gives is not None:
            yield route.gives
        if route.lists is not None:
            yield route.lists.answer


def _operation(route: Route, path: str, schemas: dict[int, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": "Done"}
    if route.lists is not None:
        answer["content"] = _content(_page(route.lists, schemas))
    elif route.gives is not None:
        answer["content"] = _content(schemas[id(route.gives)])
    refused = {"anyOf": [schemas[id(ErrorBody)], schemas[id(NotServed)]]}
    found: dict[str, Any] = {
        "operationId": f"{route.method} {path}",
        "summary": (route.handler.__doc__ or "").strip().split("\n")[0],
        "parameters": [*_path_parameters(path), *_query_parameters(route)],
        "responses": {str(route.status): answer, "default": {"description": "Refused", "content": _content(refused)}},
    }
    if route.takes is not None:
        found["requestBody"] = {"required": True, "content": _content(schemas[id(route.takes)])}
    return found


def _content(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _page(noun: Listing, schemas: dict[int, Any]) -> dict[str, Any]:
    """A page of a list. With `fields`, the items have only some of their attributes."""
    items = {"anyOf": [schemas[id(noun.answer)], {"type": "object"}]}
    properties = {
        noun.many: {"type": "array", "items": items},
        noun.linked: {"type": "array", "items": schemas[id(Link)]},
    }
    return {"type": "object", "properties": properties, "required": list(properties)}


def _path_parameters(path: str) -> Iterator[dict[str, Any]]:
    for name in _PARAMETER.findall(path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _query_parameters(route: Route) -> Iterator[dict[str, Any]]:
    names = dict.fromkeys(route.flags, "boolean")
    if route.lists is not None:
        names |= {name: _TYPES[kind] for name, (_, kind) in route.lists.filters.items()}
        names |= dict.fromkeys(_LIST_PARAMETERS, "string")
        if "tags" in route.lists.answer.__struct_fields__:
            names |= dict.fromkeys(_TAG_PARAMETERS, "string")
    for name, kind in names.items():
        yield {"name": name, "in": "query", "required": False, "schema": {"type": kind}}
