"""The OpenAPI document, made from the route table and the types that bodies and answers are made of."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import msgspec

from bascule.north.octavia_v2 import checked, healthcheck
from bascule.north.octavia_v2.errors import ErrorBody
from bascule.north.octavia_v2.healthcheck import Health
from bascule.north.octavia_v2.lookups import ROUTES as LOOKUPS
from bascule.north.octavia_v2.query import MOST_TAGS
from bascule.north.octavia_v2.routes import ROUTES, TOP, Route
from bascule.north.octavia_v2.schemas.version import Link

_REF = "#/components/schemas/{name}"
_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number"}
_LIST_PARAMETERS = ("limit", "marker", "page_reverse", "sort", "sort_key", "sort_dir")
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


class Unavailable(msgspec.Struct, kw_only=True):
    """How keystonemiddleware answers, to whoever asks for JSON, while Keystone cannot be asked."""

    code: str
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
    500: ("An error of Bascule, or its database was lost in a commit: `faultstring` says so", (ErrorBody,)),
    501: ("The provider can never do this", (ErrorBody,)),
    503: ("The database is away, or Keystone, and nothing was done", (ErrorBody, Unavailable)),
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
    "tags": f"At most {MOST_TAGS} tags, separated by commas, all of which an object has",
    "tags-any": f"At most {MOST_TAGS} tags, separated by commas, one of which an object has",
    "not-tags": f"At most {MOST_TAGS} tags, separated by commas, not all of which an object has",
    "not-tags-any": f"At most {MOST_TAGS} tags, separated by commas, none of which an object has",
}
"""What parameters mean that are no attributes."""

_RETRY_AFTER = {
    "description": "Seconds after which to send the request again, where it is the database that is away",
    "schema": {"type": "string"},
}

_ABOUT = (
    "All paths but the first are also served below `/v2/lbaas`, `/v2` and `/v2.0` where they are named below `/v2.0/lbaas`. "
    "At sites without Keystone, the header `X-Project-Id` says which project a request is for. "
    "Every answer has the header `X-Openstack-Request-Id`."
)

_SECURITY = {
    "token": {"type": "apiKey", "in": "header", "name": "X-Auth-Token", "description": "A token of Keystone"},
    "password": {"type": "http", "scheme": "basic", "description": "A name and a password, at sites without Keystone"},
}


def document() -> dict[str, Any]:
    """The whole document."""
    routes = [(route, path) for path, route in documented()]
    types = {id(kind): kind for kind in _types(routes)}
    references, components = msgspec.json.schema_components(types.values(), schema_hook=checked.schema, ref_template=_REF)
    schemas = dict(zip(types, references, strict=True))
    paths: dict[str, Any] = {}
    for route, path in routes:
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, path, schemas)
    paths[healthcheck.PATH] = {"get": _healthcheck(schemas)}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Bascule: OpenStack load-balancing API v2", "version": "2.30", "description": _ABOUT},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": _SECURITY},
        # Which of them a site has is up to its operator; it may also ask nobody.
        "security": [{"token": []}, {"password": []}, {}],
    }


def documented() -> list[tuple[str, Route]]:
    """Every route with the path that it is documented under."""
    named = [(route.path, route) for route in TOP]
    named += [(route.path, route) for route in LOOKUPS if not route.path.startswith("/v2/")]
    return named + [(route.canonical, route) for route in ROUTES]


def _types(routes: Iterable[tuple[Route, str]]) -> Iterator[Any]:
    yield from (ErrorBody, NotServed, Unauthenticated, Unavailable, Link, Health)
    for route, _ in routes:
        if route.takes is not None:
            yield route.takes
        if route.gives is not None:
            yield route.gives
        if _selects(route):
            yield from (_item(route), _some(_item(route)))


def _operation(route: Route, path: str, schemas: dict[int, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": "Done"}
    if _selects(route):
        answer["content"] = _content(_selected(route, schemas))
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
    possible |= {501: writes and route.method != "DELETE", 503: not route.public}
    for code, (text, forms) in _REFUSALS.items():
        if possible.get(code, True):
            found = [schemas[id(form)] for form in forms]
            answer = {"description": text, "content": _content(found[0] if len(found) == 1 else {"anyOf": found})}
            yield str(code), answer | ({"headers": {"Retry-After": _RETRY_AFTER}} if code == 503 else {})


def _subject(path: str) -> str:
    """What a path is about, for whoever puts operations in order."""
    parts = [part for part in path.split("/") if part not in ("", "v2", "v2.0", "lbaas", "octavia")]
    return next((part for part in parts[2:] if part in ("members", "rules")), parts[0] if parts else "versions")


def _content(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _selects(route: Route) -> bool:
    """Whether callers may ask for some attributes only."""
    return route.selects or route.lists is not None


def _item(route: Route) -> Any:
    """What answers have one or several of."""
    if route.lists is not None:
        return route.lists.answer
    (held,) = msgspec.structs.fields(route.gives)
    return typing.get_args(held.type)[0] if typing.get_origin(held.type) is list else held.type


@cache
def _some(kind: Any) -> Any:
    """The type of what has only some of the attributes of another one."""
    fields = [
        (each.name, each.type | msgspec.UnsetType, msgspec.field(name=each.encode_name, default=msgspec.UNSET))
        for each in msgspec.structs.fields(kind)
    ]
    text = {"__doc__": f"{kind.__name__} with the attributes that `fields` names."}
    return msgspec.defstruct(f"SomeOf{kind.__name__}", fields, namespace=text, kw_only=True)


def _selected(route: Route, schemas: dict[int, Any]) -> dict[str, Any]:
    """An answer that has all attributes, or those that `fields` names."""
    one = {"anyOf": [schemas[id(_item(route))], schemas[id(_some(_item(route)))]]}
    several = {"type": "array", "items": one}
    if route.lists is not None:
        properties = {route.lists.many: several, route.lists.linked: {"type": "array", "items": schemas[id(Link)]}}
    else:
        (held,) = msgspec.structs.fields(route.gives)
        properties = {held.encode_name: one if held.type is _item(route) else several}
    return {"type": "object", "properties": properties, "required": list(properties)}


def _healthcheck(schemas: dict[int, Any]) -> dict[str, Any]:
    found = _content(schemas[id(Health)])
    return {
        "operationId": f"GET {healthcheck.PATH}",
        "summary": "Tell whether this process can answer requests.",
        "parameters": [],
        "responses": {
            "200": {"description": "It can; to callers who ask for JSON", "content": found},
            "204": {"description": "It can"},
            "403": {"description": "The API has not this name", "content": _content(schemas[id(ErrorBody)])},
            "503": {"description": "It cannot", "content": found | {"text/plain": {"schema": {"type": "string"}}}},
        },
        "tags": ["healthcheck"],
        "security": [],
    }


def _path_parameters(path: str) -> Iterator[dict[str, Any]]:
    for name in _PARAMETER.findall(path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _query_parameters(route: Route) -> Iterator[dict[str, Any]]:
    names = dict.fromkeys(route.flags, "boolean") | dict.fromkeys(route.filters, "string")
    if _selects(route):
        names["fields"] = "string"
    if route.lists is not None:
        names |= {name: _TYPES[kind] for name, (_, kind) in route.lists.filters.items()}
        names |= dict.fromkeys(_LIST_PARAMETERS, "string")
        if "tags" in route.lists.answer.__struct_fields__:
            names |= dict.fromkeys(_TAG_PARAMETERS, "string")
    for name, kind in names.items():
        text = _TEXTS.get(name)
        described = {} if text is None else {"description": text}
        yield {"name": name, "in": "query", "required": False, "schema": {"type": kind}} | described
