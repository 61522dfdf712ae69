"""What AS3 checks before it touches anything: keys, shape, duplicates, pointers, names on the device, nodes, lengths of paths.

The whole request is refused for the first thing that is wrong. What only the device would notice is not looked at here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bigip_emulator import addresses
from bigip_emulator.as3.classes import CLASSES, LABEL, MODULES, REMARK
from bigip_emulator.as3.shape import (
    Anything,
    ByType,
    Choice,
    Class,
    Fields,
    Flag,
    Foreign,
    Invalid,
    ListOf,
    Notes,
    Open,
    Pointer,
    Rule,
    Text,
    Whole,
)
from bigip_emulator.objects import Object, Store, partition
from bigip_emulator.web import Json

TENANT_NAME = r"^[A-Za-z][0-9A-Za-z_.-]*$"
ITEM_NAME = r"^[A-Za-z]([0-9A-Za-z_.-]{0,188}[0-9A-Za-z_.])?$"
LONGEST_NAME = 190
LONGEST_PATH = 195
LONGEST_DECLARED_PATH = 255
_SCHEMA_VERSION = r"^3[.]([0-9]|[1234][0-9]|5[0-6])($|[.][0-9]+$)"

_CONTROLS = Fields(
    {
        "class": Choice(("Controls",), "Controls"), "dryRun": Flag(False), "traceResponse": Flag(False), "trace": Flag(False),
        "logLevel": Text("error"), "userAgent": Text(), "archiveId": Anything(), "archiveTimestamp": Text(), "fortune": Flag(),
    }
)  # fmt: skip
ADC: Mapping[str, Rule] = {
    "class": Choice(("ADC",)), "$schema": Text(), "schemaVersion": Text(pattern=_SCHEMA_VERSION),
    "updateMode": Choice(("complete", "selective"), "selective"), "id": Text(pattern=r"^[^\x00-\x20\x22'<>\x5c^`|\x7f]*$",
    longest=255),
    "label": LABEL, "remark": REMARK, "controls": _CONTROLS, "constants": Open(), "target": Open(), "scratch": Text(),
}  # fmt: skip
TENANT: Mapping[str, Rule] = {
    "class": Choice(("Tenant",)), "label": LABEL, "remark": REMARK, "enable": Flag(True), "defaultRouteDomain": Whole(0, 65535, 0),
    "useCommonRouteDomainTenant": Flag(True), "optimisticLockKey": Text("", longest=128), "controls": _CONTROLS,
    "constants": Open(),
    "verifiers": Open(),
}  # fmt: skip
_TEMPLATES = ("http", "https", "tcp", "udp", "sctp", "l4")
APPLICATION: Mapping[str, Rule] = {
    "class": Choice(("Application",)), "label": LABEL, "remark": REMARK, "enable": Flag(True), "schemaOverlay": Text(),
    "constants": Open(),
    "template": Choice((*_TEMPLATES, "generic", "shared"), "generic"),
}  # fmt: skip

_OPAQUE = {"metadata", "constants", "verifiers", "target", "scratch", "environmentVariables"}
_STRUCTURE = {"ADC", "Tenant", "Application", "Controls", "Constants"}
_UNIQUE = ("members", "iRules", "certificates", "virtualAddresses")

Declaration = dict[str, Any]


@dataclass(frozen=True)
class Checked:
    """A declaration that AS3 accepts: its tenants with every default filled in."""

    tenants: Declaration
    shared: bool
    """Whether something points to /Common/Shared."""


def check(declaration: Declaration, stored: Declaration, store: Store) -> Checked:
    """Check a declaration against what is declared already and what is on the device. Raises Invalid."""
    check_keys(declaration)
    notes = Notes()
    tenants = _shape(declaration, notes)
    _duplicates(declaration)
    _pointers(notes.pointers, declaration, stored)
    for name in notes.foreign:
        _on_device(name, store)
    _domains(tenants, store)
    _nodes(tenants, store)
    for path in _paths(tenants):
        if len(path) > LONGEST_PATH:
            raise Invalid(f"Path {path} is longer than {LONGEST_PATH} characters")
    return Checked(tenants, any(pointer.value.startswith("/Common/Shared/") for pointer in notes.pointers))


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


def _shape(declaration: Declaration, notes: Notes) -> Declaration:
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


# Duplicates


def _duplicates(value: Json) -> None:
    names: dict[str, str] = {}
    for key, found in _walk(value):
        if key in _UNIQUE and isinstance(found, list):
            plain = [json.dumps(one, sort_keys=True) for one in found]
            if len(set(plain)) < len(plain):
                raise Invalid(f"declaration has duplicate values in {key}")
        if key == "servers" and isinstance(found, list):
            for server in found:
                if names.setdefault(server["name"], server["address"]) != server["address"]:
                    raise Invalid(
                        f"The node name must be unique throughout the declaration. Duplicate node name '{server['name']}' found."
                    )


def _walk(value: Json) -> Iterator[tuple[str, Json]]:
    if isinstance(value, dict):
        for key, found in value.items():
            yield key, found
            yield from _walk(found)
    elif isinstance(value, list):
        for found in value:
            yield from _walk(found)


# Pointers


def absolute(pointer: str, where: str) -> str:
    """The full path that a pointer stands for, at a place in a declaration."""
    _, tenant, application, *_ = where.split("/")
    if not pointer.startswith("/"):
        return f"/{tenant}/{application}/{pointer}"
    parts = pointer.split("/")
    here = {1: tenant, 2: application}
    return "/".join(here[number] if part == "@" and number in here else part for number, part in enumerate(parts))


def _pointers(pointers: list[Pointer], declaration: Declaration, stored: Declaration) -> None:
    for pointer in pointers:
        path = absolute(pointer.value, pointer.where)
        parts = path.split("/")[1:]
        if len(parts) != 3 or len(parts[2]) < 2:
            raise Invalid("contains an invalid path (invalid character)", pointer.where)
        # What is not in this request may have been declared before.
        root = declaration if parts[0] in declaration or parts[0] != "Common" else stored
        item: Any = root
        for part in parts:
            item = item.get(part) if isinstance(item, dict) else None
        if not isinstance(item, dict):
            raise Invalid(f"contains path to non-existent object {pointer.value}", pointer.where)
        if item.get("class") not in pointer.classes:
            raise Invalid(f"AS3 pointer {pointer.value} does not point to required object type", pointer.where)


def _on_device(name: Foreign, store: Store) -> None:
    # A pool's monitors are not looked up: they fail on the device.
    if re.search(r"/monitors/\d+$", name.where):
        return
    if not any(store.get(kind, name.value) for kind in name.kinds):
        specified = "specified WAF policy " if name.where.endswith("/policyWAF") else ""
        raise Invalid(f"Unable to find {specified}{name.value} for {name.where}")


# Route domains and nodes


def _domains(tenants: Declaration, store: Store) -> None:
    known = {found.properties["id"] for found in store.of("net/route-domain")}
    for name, tenant in tenants.items():
        domain = tenant["defaultRouteDomain"]
        if domain not in known:
            raise Invalid(f"Unable to find route domain {domain} for /{name}/defaultRouteDomain")


def servers_of(member: Declaration, domain: int) -> Iterator[tuple[str, str]]:
    """Name and address of each server of a member, as nodes have them; `domain` is the tenant's default route domain."""
    named = [(server["name"], server["address"]) for server in member.get("servers", [])]
    for name, text in [*(("", address) for address in member.get("serverAddresses", [])), *named]:
        own = "%" in text
        chosen = "" if own else f"%{member.get('routeDomain', domain)}"
        address = addresses.device(f"{text.partition('/')[0]}{chosen}")
        yield name or address, address


def _nodes(tenants: Declaration, store: Store) -> None:
    by_address: dict[str, Object] = {node.properties["address"]: node for node in store.of("ltm/node")}
    declared: dict[str, str] = {}
    for where, tenant, member in _members(tenants):
        _distinct(where, member, tenants[tenant]["defaultRouteDomain"])
        for _, address in servers_of(member, tenants[tenant]["defaultRouteDomain"]):
            pool = where.rpartition("/")[0]
            found = by_address.get(address)
            owner = partition(found.path) if found else declared.get(address, tenant)
            path = found.path if found else f"/{owner}/{address}"
            declared.setdefault(address, "Common" if member["shareNodes"] else tenant)
            if owner == tenant or (
                owner == "Common" and (member["shareNodes"] or (found and not found.properties.get("metadata")))
            ):
                continue
            if owner == "Common":
                raise Invalid(f"The node /{tenant}/{address} conflicts with {path}", pool)
            raise Invalid(f"pool member {where} static address {address} conflicts with bigip node {path}", pool)


def _distinct(where: str, member: Declaration, domain: int) -> None:
    seen = set()
    for name, address in servers_of(member, domain):
        if address in seen:
            raise Invalid(f"serverAddresses/servers array has duplicate address {address}", where.rpartition("/")[0])
        seen |= {address, name}


def _members(tenants: Declaration) -> Iterator[tuple[str, str, Declaration]]:
    for tenant, declared in tenants.items():
        for application, content in items_of(declared, TENANT):
            for name, item in items_of(content, APPLICATION):
                for number, member in enumerate(item.get("members", []) if item["class"] == "Pool" else []):
                    yield f"/{tenant}/{application}/{name}/members/{number}", tenant, member


def _paths(tenants: Declaration) -> Iterator[str]:
    for tenant, declared in tenants.items():
        for application, content in items_of(declared, TENANT):
            for name, _ in items_of(content, APPLICATION):
                yield f"/{tenant}/{application}/{name}"
