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


class Unauthenticated(msgspec.Struct, kw_only=True):
    """How a request is answered of which nobody knows whose it is."""

    error: NotAuthenticated


class NotAuthenticated(msgspec.Struct, kw_only=True):
    """The form that Keystone's clients expect."""

    code: int
    title: str
    message: str


_REFUSALS: dict[int, tuple[str, tuple[type[Any], ...]]] = {
    400: ("Something in the request is wrong, or not possible together: `faultstring` says what", (ErrorBody, NotServed)),
    401: ("The caller does not say who it is", (Unauthenticated,)),
    403: ("The caller may not do this, or a quota has been met", (ErrorBody, Unauthenticated)),
    404: ("There is no such object, or none that the caller may know of", (ErrorBody, NotServed)),
    406: ("The answer would be JSON, which the caller does not accept", (NotServed,)),
    409: ("It cannot be done as things are, or not any more", (ErrorBody,)),
    413: ("The body is too long", (ErrorBody,)),
    415: ("The body is not `application/json`", (ErrorBody,)),
    500: ("An error of Bascule, or its database is away", (ErrorBody,)),
    501: ("The provider can never do this", (ErrorBody,)),
}
"""What a refusal means, and the forms that it may have."""

_TEXTS = {
    "fields": "Attributes to show, one for each time that it is given; without it, all",
    "limit": "Most objects on a page",
    "marker": "Id of the last object of the page before",
    "page_reverse": "`True` for the page before the marker",
    "sort": "Attributes to sort by, as `name:asc,created_at:desc`",
    "sort_key": "Attributes to sort by, separated by commas",
    "sort_dir": "`asc` or `desc` for each of them",
    "tags": "Tags, separated by commas, all of which an object has",
    "tags-any": "Tags, separated by commas, one of which an object has",
    "not-tags": "Tags, separated by commas, not all of which an object has",
    "not-tags-any": "Tags, separated by commas, none of which an object has",
}
"""What parameters mean that are no attributes."""

_ABOUT = "All paths but the first are also served below `/v2/lbaas`, `/v2` and `/v2.0` where they are named below `/v2.0/lbaas`."

_SECURITY = {
    "token": {"type": "apiKey", "in": "header", "name": "X-Auth-Token", "description": "A token of Keystone"},
    "password": {"type": "http", "scheme": "basic", "description": "A name and a password, at sites without Keystone"},
}


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
        "info": {"title": "Bascule: OpenStack load-balancing API v2", "version": "2.30", "description": _ABOUT},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": _SECURITY},
        # Which of them a site has is up to its operator; it may also ask nobody.
        "security": [{"token": []}, {"password": []}, {}],
    }


def _types(routes: Iterable[tuple[Route, str]]) -> Iterator[Any]:
    yield from (ErrorBody, NotServed, Unauthenticated, Link)
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
    found: dict[str, Any] = {
        "operationId": f"{route.method} {path}",
        "summary": (route.handler.__doc__ or "").strip().split("\n")[0],
        "parameters": [*_path_parameters(path), *_query_parameters(route)],
        "responses": {str(route.status): answer} | dict(_refusals(route, path, schemas)),
        "tags": [_subject(path)],
    }
    if route.public:
        found["security"] = []
    if route.takes is not None:
        found["requestBody"] = {"required": True, "content": _content(schemas[id(route.takes)])}
    return found


def _refusals(route: Route, path: str, schemas: dict[int, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    writes, has_body = route.method != "GET", route.takes is not None
    possible = {401: not route.public, 404: "{" in path or has_body, 409: writes, 413: has_body, 415: has_body}
    possible[501] = writes and route.method != "DELETE"
    for code, (text, forms) in _REFUSALS.items():
        if possible.get(code, True):
            found = [schemas[id(form)] for form in forms]
            yield str(code), {"description": text, "content": _content(found[0] if len(found) == 1 else {"anyOf": found})}


def _subject(path: str) -> str:
    """What a path is about, for whoever puts operations in order."""
    parts = [part for part in path.split("/") if part not in ("", "v2", "v2.0", "lbaas", "octavia")]
    return next((part for part in parts[2:] if part in ("members", "rules")), parts[0] if parts else "versions")


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
        text = _TEXTS.get(name)
        described = {} if text is None else {"description": text}
        yield {"name": name, "in": "query", "required": False, "schema": {"type": kind}} | described
