"""What a declaration is made of: ADC, tenants, applications, items; their names, their keys and their shape."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from bigip_emulator.as3.classes import CLASSES, MODULES
from bigip_emulator.as3.classes.parts import LABEL, REMARK
from bigip_emulator.as3.shape import (
    Anything,
    ByType,
    Choice,
    Class,
    Fields,
    Flag,
    Invalid,
    ListOf,
    Notes,
    Open,
    Rule,
    Text,
    Whole,
)
from bigip_emulator.web import Json

TENANT_NAME = r"^[A-Za-z][0-9A-Za-z_.-]*$"
ITEM_NAME = r"^[A-Za-z]([0-9A-Za-z_.-]{0,188}[0-9A-Za-z_.])?$"
LONGEST_NAME = 190
_SCHEMA_VERSION = r"^3[.]([0-9]|[1234][0-9]|5[0-6])($|[.][0-9]+$)"

_CONTROLS = Fields(
    {
        "class": Choice(("Controls",), "Controls"),
        "dryRun": Flag(False),
        "traceResponse": Flag(False),
        "trace": Flag(False),
        "logLevel": Text("error"),
        "userAgent": Text(),
        "archiveId": Anything(),
        "archiveTimestamp": Text(),
        "fortune": Flag(),
    }
)
ADC: Mapping[str, Rule] = {
    "class": Choice(("ADC",)),
    "$schema": Text(),
    "schemaVersion": Text(pattern=_SCHEMA_VERSION),
    "updateMode": Choice(("complete", "selective"), "selective"),
    "id": Text(pattern=r"^[^\x00-\x20\x22'<>\x5c^`|\x7f]*$", longest=255),
    "label": LABEL,
    "remark": REMARK,
    "controls": _CONTROLS,
    "constants": Open(),
    "target": Open(),
    "scratch": Text(),
}
TENANT: Mapping[str, Rule] = {
    "class": Choice(("Tenant",)),
    "label": LABEL,
    "remark": REMARK,
    "enable": Flag(True),
    "defaultRouteDomain": Whole(0, 65535, 0),
    "useCommonRouteDomainTenant": Flag(True),
    "optimisticLockKey": Text("", longest=128),
    "controls": _CONTROLS,
    "constants": Open(),
    "verifiers": Open(),
}
_TEMPLATES = ("http", "https", "tcp", "udp", "sctp", "l4")
APPLICATION: Mapping[str, Rule] = {
    "class": Choice(("Application",)),
    "label": LABEL,
    "remark": REMARK,
    "enable": Flag(True),
    "schemaOverlay": Text(),
    "constants": Open(),
    "template": Choice((*_TEMPLATES, "generic", "shared"), "generic"),
}

_OPAQUE = {"metadata", "constants", "verifiers", "target", "scratch", "environmentVariables"}
_STRUCTURE = {"ADC", "Tenant", "Application", "Controls", "Constants"}

Declaration = dict[str, Any]


def tenants_of(declaration: Declaration) -> list[str]:
    """The names of the tenants in a declaration."""
    return [name for name, value in declaration.items() if isinstance(value, dict) and name not in ADC]


def items_of(container: Declaration, known: Mapping[str, Rule]) -> Iterator[tuple[str, Declaration]]:
    """What is in a tenant or an application beside its own properties."""
    return ((name, value) for name, value in container.items() if name not in known)


# Keys


def _all_keys(rule: object) -> Iterator[str]:
    if isinstance(rule, Fields | Class):
        for name, inner in rule.properties.items():
            yield name
            yield from _all_keys(inner)
    if isinstance(rule, Class):
        for chosen in rule.chosen.values():
            yield from chosen
    if isinstance(rule, ListOf):
        yield from _all_keys(rule.rule)
    if isinstance(rule, ByType):
        for inner in rule.rules.values():
            yield from _all_keys(inner)


_KNOWN = {key for described in CLASSES.values() for key in _all_keys(described)} | {
    *ADC,
    *TENANT,
    *APPLICATION,
    *_all_keys(_CONTROLS),
}
_KNOWN |= {
    "use",
    "bigip",
    "base64",
    "text",
    "url",
    "value",
    "path",
    "queryString",
    "ciphertext",
    "protected",
    "miniJWE",
    "allowReuse",
    "name",
}
_KNOWN |= {
    "ingress",
    "egress",
    "message",
    "facility",
    "priority",
    "expression",
    "policy",
    "domain",
    "expiry",
    "secure",
    "key",
    "timeout",
}


def check_keys(declaration: Declaration) -> None:
    """Every key has to be one that the language has, or the name of something that has a class. Raises Invalid, without a place."""
    for key, value in declaration.items():
        inner = value if isinstance(value, dict) else {}
        if "class" in inner and key not in _OPAQUE:
            name = inner["class"]
            if not isinstance(name, str):
                raise Invalid(f"Invalid data property: {json.dumps(name)}", named=False)
            if name not in CLASSES and name not in _STRUCTURE and name not in MODULES:
                raise Invalid(f"Invalid data property: {name}", named=False)
            if name in MODULES:
                continue
        elif key not in _KNOWN:
            raise Invalid(f"Invalid data property: {key}", named=False)
        if key not in _OPAQUE:
            check_keys(inner)
            for element in value if isinstance(value, list) else []:
                if isinstance(element, dict):
                    check_keys(element)


# Shape


def _name(name: str, where: str, pattern: str) -> None:
    if len(name) > LONGEST_NAME:
        raise Invalid(f"should NOT be longer than {LONGEST_NAME} characters", where)
    if not re.search(pattern, name):
        raise Invalid(f'propertyName "{name}" should match pattern "{pattern}"', where)


def _own(container: Declaration, known: Mapping[str, Rule], required: tuple[str, ...], where: str, notes: Notes) -> Declaration:
    own = {name: value for name, value in container.items() if name in known}
    try:
        checked: Declaration = Fields(known, required).check(own, where, notes)
    except Invalid as problem:
        raise Invalid(problem.text, problem.where or "/") from None
    return checked


def shape(declaration: Declaration, notes: Notes) -> Declaration:
    """The tenants of a declaration, with every default filled in. Raises Invalid for the first thing that is wrong."""
    _own(declaration, ADC, ("class", "schemaVersion"), "", notes)
    tenants = {}
    for name, tenant in items_of(declaration, ADC):
        _name(name, "/", TENANT_NAME)
        tenants[name] = _tenant(f"/{name}", tenant, notes)
    return tenants


def defaults_of(name: str, tenant: Declaration) -> Declaration:
    """A tenant that was accepted before, with every default filled in."""
    return _tenant(f"/{name}", tenant, Notes())


def _tenant(where: str, tenant: Json, notes: Notes) -> Declaration:
    if not isinstance(tenant, dict):
        raise Invalid("should be object", where)
    checked = _own(tenant, TENANT, ("class",), where, notes)
    for name, application in items_of(tenant, TENANT):
        _name(name, where, ITEM_NAME)
        checked[name] = _application(f"{where}/{name}", application, notes)
    return checked


def _application(where: str, application: Json, notes: Notes) -> Declaration:
    if not isinstance(application, dict):
        raise Invalid("should be object", where)
    if application.get("template") in _TEMPLATES and not application.keys() & {"serviceMain", "service"}:
        raise Invalid("should have required property 'serviceMain'", where)
    checked = _own(application, APPLICATION, ("class",), where, notes)
    if checked["template"] == "shared" and not where.endswith("/Shared"):
        raise Invalid('should be equal to one of the allowed values ["generic"]', f"{where}/template")
    for name, item in items_of(application, APPLICATION):
        _name(name, where, ITEM_NAME)
        path = f"{where}/{name}"
        if not isinstance(item, dict):
            raise Invalid("should be object", path)
        if item.get("class") in MODULES:
            raise Invalid(f"One of these F5 modules needs to be provisioned: {MODULES[item['class']]}", path)
        if item.get("class") not in CLASSES:
            raise Invalid("should have required property 'class'", path)
        checked[name] = CLASSES[item["class"]].check(item, path, notes)
    return checked
