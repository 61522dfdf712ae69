"""What AS3 checks before it touches anything: keys, shape, duplicates, pointers, names on the device, nodes, lengths of paths.

The whole request is refused for the first thing that is wrong. What only the device would notice is not looked at here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bigip_emulator import addresses
from bigip_emulator.as3.shape import (
    Foreign,
    Invalid,
    Notes,
    Pointer,
)
from bigip_emulator.as3.structure import APPLICATION, TENANT, Declaration, check_keys, items_of, shape
from bigip_emulator.objects import Object, Store, partition
from bigip_emulator.web import Json

LONGEST_PATH = 195
_UNIQUE = ("members", "iRules", "certificates", "virtualAddresses")


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
    tenants = shape(declaration, notes)
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
        if "" in (*member.get("serverAddresses", []), *(server["address"] for server in member.get("servers", []))):
            continue  # AS3 lets it pass
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
