"""From a tenant's declaration to the objects that it becomes on the device."""

from __future__ import annotations

from typing import Any

from bigip_emulator.as3 import policies, pools, profiles, services
from bigip_emulator.as3.making import Making
from bigip_emulator.as3.structure import APPLICATION, TENANT, Declaration, items_of
from bigip_emulator.kinds import KINDS
from bigip_emulator.objects import Key, Object

MAKERS = {**services.MAKERS, **pools.MAKERS, **policies.MAKERS, **profiles.MAKERS}


def objects(tenant: str, declared: Declaration) -> dict[Key, Object]:
    """The objects of one tenant, which has all its defaults, with the nodes that it needs. Nothing for an empty tenant."""
    making = Making(tenant, declared["defaultRouteDomain"])
    applications = dict(items_of(declared, TENANT))
    if not applications:
        return {}
    if tenant != "Common":
        making.add("auth/partition", tenant, defaultRouteDomain=declared["defaultRouteDomain"])
        making.add("sys/folder", f"/{tenant}")
    # Addresses come first and services last: services ask for what the others made.
    for application, content in applications.items():
        making.application, making.label = application, content
        making.add("sys/folder", f"/{tenant}/{application}")
        for name, item in sorted(items_of(content, APPLICATION), key=_rank):
            MAKERS[item["class"]](making, name, item)
    if not declared["enable"]:
        _disable(making.made)
    return making.made


def _rank(named: tuple[str, Declaration]) -> int:
    cls = named[1]["class"]
    return {"Service_Address": 0, "CA_Bundle": 0, "Certificate": 1}.get(cls, 3 if cls.startswith("Service_") else 2)


def _disable(made: dict[Key, Object]) -> None:
    for found in made.values():
        if found.kind == "ltm/virtual":
            found.properties.pop("enabled", None)
            found.properties["disabled"] = True


def completed(made: Object, old: Object | None) -> Object:
    """An object to write: what AS3 leaves open has the device's default."""
    described = KINDS[made.kind]
    kept: dict[str, Any] = {}
    if old is not None and "description" in old.properties and made.kind == "auth/partition":
        kept["description"] = old.properties["description"]
    parts = {
        name: {path: {**described.parts[name].defaults, **part} for path, part in elements.items()}
        for name, elements in made.parts.items()
    }
    return Object(made.kind, made.path, {**described.defaults, **kept, **made.properties}, parts)
