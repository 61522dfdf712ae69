"""The forms in which a write may be asked for, turned into writes: wrapper, bare ADC, applications of a tenant, JSON Patch."""

from __future__ import annotations

import copy
import json
from typing import Any

from bigip_emulator.as3.operation import Write
from bigip_emulator.as3.shape import Invalid
from bigip_emulator.as3.structure import TENANT, Declaration, items_of, tenants_of
from bigip_emulator.web import Json, Refused

ACTIONS = ("deploy", "dry-run", "patch", "redeploy", "retrieve", "remove")
LEVELS = ("emergency", "alert", "critical", "error", "warning", "notice", "info", "debug")
_WRAPPER: dict[str, Any] = {
    "class": str,
    "$schema": str,
    "action": ACTIONS,
    "redeployAge": range(16),
    "redeployUpdateMode": ("original", "complete", "selective"),
    "persist": bool,
    "syncToGroup": str,
    "historyLimit": range(2, 16),
    "logLevel": LEVELS,
    "trace": bool,
    "retrieveAge": None,
    "targetHost": str,
    "targetPort": int,
    "targetUsername": str,
    "targetPassphrase": str,
    "targetTokens": dict,
    "targetTimeout": int,
    "resourceTimeout": int,
    "declaration": dict,
    "patchBody": list,
    "controls": dict,
}


def bad_request(text: str) -> Refused:
    """A request that AS3 does not understand."""
    return Refused(400, {"code": 400, "message": text})


def invalid(text: str) -> Invalid:
    """A request whose form is wrong, before anybody looks at its declaration."""
    return Invalid(f"Invalid request: {text}", named=False)


def unwrap(body: Json) -> dict[str, Any]:
    """The wrapper of a request; a bare ADC gets one. Raises Invalid."""
    if not isinstance(body, dict):
        raise invalid("/: should be object")
    if body.get("class") == "ADC":
        return {"class": "AS3", "declaration": body, "action": "deploy"}
    if "class" not in body:
        raise invalid("/: should have required property 'class'")
    if body["class"] != "AS3":
        raise invalid('/class: should be equal to one of the allowed values ["AS3","ADC"]')
    for name, value in body.items():
        _option(name, value)
    if body.get("targetHost", "localhost") != "localhost":
        raise invalid("/targetHost: the emulator declares to itself only")
    declaration = body.get("declaration")
    if declaration is not None and "class" not in declaration:
        raise invalid("/declaration: should have required property 'class'")
    if declaration is not None and declaration["class"] != "ADC":
        raise invalid('/declaration/class: should be equal to constant "ADC"')
    wrapper = {"action": "deploy", **body}
    if wrapper["action"] == "remove" and declaration is not None:
        raise Invalid('for action "remove", a declaration is not allowed.', named=False, status=400)
    if wrapper["action"] in ("deploy", "dry-run") and declaration is None:
        raise invalid("/: should have required property 'declaration'")
    if wrapper["action"] == "patch" and "patchBody" not in body:
        raise invalid("/: should have required property 'patchBody'")
    return wrapper


def _option(name: str, value: Json) -> None:
    if name not in _WRAPPER:
        raise invalid("/: should NOT have additional properties")
    allowed = _WRAPPER[name]
    if isinstance(allowed, tuple) and value not in allowed:
        raise invalid(f"/{name}: should be equal to one of the allowed values {json.dumps(allowed, separators=(',', ':'))}")
    if isinstance(allowed, range) and (isinstance(value, bool) or value not in allowed):
        raise invalid(f"/{name}: should be between {allowed.start} and {allowed.stop - 1}")
    if isinstance(allowed, type) and (not isinstance(value, allowed) or (allowed is int and isinstance(value, bool))):
        raise invalid(
            f"/{name}: should be {({bool: 'boolean', str: 'string', dict: 'object', list: 'array'}).get(allowed, 'integer')}"
        )


def write(wrapper: dict[str, Any], declaration: Declaration, only: list[str] | None, query: dict[str, str]) -> Write:
    """The write that a wrapper asks for. What the query says goes before what the body says."""
    declaration = dict(declaration)
    controls = dict(declaration.get("controls") or {})
    for name, value in query.items():
        if name.startswith("controls."):
            controls[name.partition(".")[2]] = {"true": True, "false": False}.get(value, value)
    if controls:
        declaration["controls"] = {"class": "Controls", **controls}
    return Write(
        declaration,
        only,
        persist=wrapper.get("persist", True),
        history=wrapper.get("historyLimit", 4),
        dry_run=wrapper["action"] == "dry-run",
        traces=controls.get("traceResponse") is True,
        query=query,
        sync_to=wrapper.get("syncToGroup", ""),
    )


def applications(tenant: str, body: Json, stored: Declaration) -> Declaration:
    """The declaration that a request for a tenant's applications comes to. What it does not name stays as it is stored."""
    if not isinstance(body, dict):
        raise invalid("/: should be object")
    if "schemaVersion" not in body:
        raise invalid("/: should have required property 'schemaVersion'")
    own = ("schemaVersion", "id", "controls", "$schema")
    named = {name: value for name, value in body.items() if name not in own}
    for name, value in named.items():
        if not isinstance(value, dict) or value.get("class") != "Application":
            raise invalid(f'/{name}/class: should be equal to constant "Application"')
    before = stored.get(tenant, {"class": "Tenant"})
    head = {name: body[name] for name in own if name in body}
    return {"class": "ADC", **head, "updateMode": "selective", tenant: {**before, **named}}


def without_application(tenant: str, application: str, stored: Declaration) -> Declaration:
    """The declaration that deletes an application, and the tenant with its last. Raises Refused: AS3 stumbles if it is missing."""
    found = stored.get(tenant, {})
    if application not in dict(items_of(found, TENANT)):
        name = str(stored.get("id", ""))
        text = "Cannot read properties of undefined (reading 'controls')"
        raise Refused(500, {"code": 500, "message": text, "host": "localhost", "declarationFullId": name, "declarationId": name})
    rest = {name: value for name, value in found.items() if name != application}
    return removing([tenant], stored, {tenant: rest if dict(items_of(rest, TENANT)) else {"class": "Tenant"}})


def removing(tenants: list[str], stored: Declaration, rest: Declaration | None = None) -> Declaration:
    """The declaration that deletes tenants."""
    head = {"class": "ADC", "schemaVersion": stored.get("schemaVersion", "3.0.0"), "updateMode": "selective"}
    if "id" in stored:
        head["id"] = stored["id"]
    return {**head, **(rest or {name: {"class": "Tenant"} for name in tenants})}


# JSON Patch


class _Missing(Exception):
    """The path of an operation leads nowhere."""


def patched(stored: Declaration, operations: Json) -> Declaration:
    """The stored declaration after the operations: what of it has changed. Raises Invalid."""
    if not isinstance(operations, list):
        raise invalid("/: should be array")
    new = {"new": copy.deepcopy(stored)}
    for operation in operations:
        kind = operation.get("op") if isinstance(operation, dict) else None
        if kind not in ("add", "remove", "replace", "move", "copy"):
            raise Invalid(f"invalid patch - op '{kind}' is not supported", named=False)
        path = str(operation.get("path", ""))
        try:
            if kind in ("move", "copy"):
                value = _at(new, str(operation.get("from", "")), remove=kind == "move")
            else:
                value = operation.get("value")
            if kind in ("remove", "replace"):
                _at(new, path, remove=True)
            if kind != "remove":
                _put(new, path, copy.deepcopy(value))
        except (_Missing, IndexError):
            raise Invalid(f"InvalidPatchOperationError: path does not exist {path}", named=False) from None
    after = new["new"]
    head = {name: value for name, value in after.items() if name not in tenants_of(after) and name != "controls"}
    changed = {name: after.get(name, {"class": "Tenant"}) for name in {**stored, **after} if after.get(name) != stored.get(name)}
    return {**head, **{name: value for name, value in changed.items() if name in tenants_of(after) or name in tenants_of(stored)}}


def _steps(path: str) -> list[str]:
    return ["new", *(step.replace("~1", "/").replace("~0", "~") for step in path.split("/")[1:])]


def _parent(root: Json, path: str) -> tuple[Any, str]:
    *way, last = _steps(path)
    for step in way:
        root = _step(root, step)
    return root, last


def _step(root: Json, step: str) -> Any:
    if isinstance(root, list) and step.isdecimal():
        return root[int(step)]
    if isinstance(root, dict) and step in root:
        return root[step]
    raise _Missing


def _at(root: Json, path: str, *, remove: bool) -> Any:
    parent, last = _parent(root, path)
    value = _step(parent, last)
    if remove:
        del parent[int(last) if isinstance(parent, list) else last]
    return value


def _put(root: Json, path: str, value: Json) -> None:
    parent, last = _parent(root, path)
    if isinstance(parent, list) and (last == "-" or last.isdecimal()):
        parent.insert(len(parent) if last == "-" else int(last), value)
    elif isinstance(parent, dict):
        parent[last] = value
    else:
        raise _Missing
