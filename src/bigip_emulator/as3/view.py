"""Declarations as AS3 shows them: some tenants, some classes, with hashes or with defaults."""

from __future__ import annotations

import copy
from typing import Any

from bigip_emulator.as3.records import lock_key
from bigip_emulator.as3.structure import ADC, APPLICATION, TENANT, Declaration, defaults_of, items_of, tenants_of


def answered(declaration: Declaration, only: list[str] | None, query: dict[str, str], *, application: bool = False) -> Declaration:
    """The part of a stored declaration that an answer shows; `only` names the tenants, None means all."""
    tenants = {name: declaration[name] for name in tenants_of(declaration) if only is None or name in only}
    if query.get("show") in ("full", "expanded"):
        tenants = {name: defaults_of(name, tenant) for name, tenant in tenants.items()}
    if query.get("showHash") == "true":
        tenants = {name: {**tenant, "optimisticLockKey": lock_key(declaration[name])} for name, tenant in tenants.items()}
    if "filterClass" in query:
        pruned: Declaration = _filtered(tenants, query["filterClass"])
        return pruned
    header = {
        name: declaration[name]
        for name in ("class", "schemaVersion", "id", "label", "remark", "updateMode", "controls")
        if name in declaration
    }
    if application:
        (tenant,) = tenants.values() if tenants else ({},)
        return {"schemaVersion": declaration["schemaVersion"], **dict(items_of(tenant, TENANT))}
    return copy.deepcopy({**tenants, **header})


def _filtered(value: Any, cls: str) -> Any:
    """The tree without anything but the items of one class and the way to them."""
    kept = {}
    for name, inner in value.items():
        if not isinstance(inner, dict) or name in ADC or name in TENANT or name in APPLICATION:
            continue
        if inner.get("class") == cls:
            kept[name] = copy.deepcopy(inner)
        elif "class" in inner and (found := _filtered(inner, cls)):
            kept[name] = found
    return kept
