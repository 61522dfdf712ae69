"""What clients of iControl REST send, and what the device makes of it by itself; and how it says no."""

from __future__ import annotations

from typing import Any

from bigip_emulator import addresses
from bigip_emulator.device import Device
from bigip_emulator.kinds import KINDS
from bigip_emulator.objects import DeviceError, Object
from bigip_emulator.web import Json, Refused

NAMING = {"name", "partition", "subPath", "fullPath", "kind", "selfLink", "generation"}


def error(status: int, text: str) -> Refused:
    """An error in the form of iControl REST."""
    return Refused(status, {"code": status, "message": text, "errorStack": [], "apiError": 3})


def refused(problem: DeviceError) -> Refused:
    """The answer to what the device refuses."""
    return error(problem.status, problem.text)


def element(kind: str, part: str, given: Json, complete: bool = True) -> tuple[str, dict[str, Any]]:
    """Full path and properties of an element of a sub-collection, from the forms in which it may be given."""
    body = {"name": given} if isinstance(given, str) else given
    if not isinstance(body, dict) or not isinstance(body.get("name"), str):
        raise error(400, f'one or more properties must be specified: "name" of {part}')
    name = body["name"]
    bare = part in ("interfaces", "rules")
    path = name if bare or name.startswith("/") else f"/{body.get('partition', 'Common')}/{name}"
    properties = {key: value for key, value in body.items() if key not in NAMING}
    if part == "members":
        properties.setdefault("address", addresses.without_port(path)[0].rpartition("/")[2])
    return path, {**(KINDS[kind].parts[part].defaults if complete else {}), **properties}


def implied(device: Device, made: Object) -> list[Object]:
    """What the device makes by itself: a partition's folder, nodes for new members, the address of a new virtual server."""
    needed = []
    if made.kind == "auth/partition" and not device.store.get("sys/folder", f"/{made.path}"):
        needed.append(Object("sys/folder", f"/{made.path}", dict(KINDS["sys/folder"].defaults)))
    for path, properties in made.parts.get("members", {}).items():
        node = addresses.without_port(path)[0]
        if not device.store.get("ltm/node", node):
            needed.append(Object("ltm/node", node, {**KINDS["ltm/node"].defaults, "address": properties["address"]}))
    if made.kind == "ltm/virtual" and "destination" in made.properties:
        made.properties["destination"] = _in_full(made.properties["destination"], made.partition)
        path = addresses.without_port(made.properties["destination"])[0]
        if not device.store.get("ltm/virtual-address", path):
            address = path.rpartition("/")[2]
            mask = made.properties.get("mask", addresses.mask(address))
            defaults = KINDS["ltm/virtual-address"].defaults
            needed.append(Object("ltm/virtual-address", path, {**defaults, "address": address, "mask": mask}))
    return needed


def _in_full(destination: Json, partition: str) -> str:
    text = str(destination)
    try:
        addresses.without_port(text)
    except ValueError:
        raise error(400, f"01070712:3: the destination {text} has no port") from None
    return text if text.startswith("/") else f"/{partition}/{text}"
