"""One tenant onto the device: what differs from what is there, applied as a whole or refused as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

from bigip_emulator import addresses
from bigip_emulator.as3.convert import completed, objects
from bigip_emulator.as3.structure import Declaration
from bigip_emulator.device import Device
from bigip_emulator.objects import DeviceError, Key, Object, Store, partition
from bigip_emulator.rules import balanced

_SCRIPT_LINES = 12
_EMPTY: Declaration = {"defaultRouteDomain": 0, "enable": True}
_SHARED_KINDS = ("ltm/node", "ltm/virtual-address")


class ScriptError(Exception):
    """The device does not even load the script that AS3 wrote."""


@dataclass
class Plan:
    """What has to be written, and what has to go."""

    tenant: str
    desired: dict[Key, Object]
    current: dict[Key, Object]
    puts: list[Object]
    drops: list[Key]

    @property
    def empty(self) -> bool:
        return not self.puts and not self.drops

    @property
    def lines(self) -> int:
        return _SCRIPT_LINES + len(self.puts) + len(self.drops)


def nothing(tenant: str) -> Plan:
    """What is written of a tenant that the device cannot take."""
    return Plan(tenant, {}, {}, [], [])


def plan(store: Store, tenant: str, declared: Declaration | None, removing: bool = True) -> Plan:
    """Compare a tenant, None for one that is to go, with the device. Without `removing`, nothing goes."""
    desired = {key: completed(made, store.get(*key)) for key, made in objects(tenant, declared or _EMPTY).items()}
    for made in desired.values():
        if made.kind in _SHARED_KINDS and made.partition == "Common":
            old = store.get(*made.key)
            # What Common declares itself is there without being used.
            name = "as3" if tenant == "Common" and made.kind == "ltm/virtual-address" else "references"
            made.properties["metadata"] = old.properties.get("metadata", []) if old else [{"name": name, "value": "0"}]
    current = {found.key: found for found in _owned(store, tenant)}
    puts = []
    for key, made in desired.items():
        found = store.get(*key)
        if found is None or not found.satisfies(made) or _loses(found, made):
            puts.append(made if found is None else _edited(made, found))
    drops = [key for key in current if key not in desired] if removing else []
    # What changed in shared nodes is settled with the rest.
    return Plan(tenant, desired, current, puts, drops)


def _loses(found: Object, made: Object) -> bool:
    """Whether an object has something that it is not to have any more, such as a pool its monitor."""
    return made.kind not in _SHARED_KINDS and not found.properties.keys() <= made.properties.keys() | {"metadata", "appService"}


def fits(store: Store, made: Plan) -> bool:
    """Whether the tenant is still as it was when the plan was made."""
    now = {found.key: found for found in _owned(store, made.tenant)}
    return now.keys() == made.current.keys() and all(now[key] is found for key, found in made.current.items())


def _owned(store: Store, tenant: str) -> Iterator[Object]:
    for found in store.every():
        if tenant == "Common":
            own = any(entry["name"] == "as3" for entry in found.properties.get("metadata", []))
            if own or found.path == "/Common/Shared" or found.path.startswith("/Common/Shared/"):
                yield found
        elif found.partition == tenant or found.key == ("auth/partition", tenant):
            yield found


def _edited(made: Object, found: Object) -> Object:
    """An edit loses the description of a member when it is another one than before: a fault of AS3, which says success."""
    if made.kind != "ltm/pool":
        return made
    members = {}
    for path, wanted in made.parts["members"].items():
        before = found.parts.get("members", {}).get(path, {}).get("description")
        lost = before is not None and wanted.get("description") != before
        members[path] = {name: value for name, value in wanted.items() if not (lost and name == "description")}
    return Object(made.kind, made.path, made.properties, {**made.parts, "members": members})


def apply(device: Device, made: Plan) -> None:
    """Write it. Raises DeviceError, or ScriptError; then nothing was changed. The caller holds the device's lock."""
    store = device.store
    for new in made.puts:
        if new.kind == "ltm/rule" and not balanced(new.properties.get("apiAnonymous", "")):
            raise ScriptError(
                "POST http://admin:XXXXXX@localhost:8100/mgmt/tm/sys/config load cli script response=400 body="
                '{"code":400,"message":"Syntax Error:(/var/config/rest/downloads/appsvcs_update.cli) braces do not match"}'
            )
        _unchangeable(store, new)
    puts = [_described(device, new) for new in made.puts]
    if not any(new.kind == "auth/partition" for new in puts) and made.tenant != "Common" and made.desired:
        found = store.get("auth/partition", made.tenant)
        if found is not None:
            puts.append(_described(device, found))
    references = list(_references(store, made))
    kept = [node for node in references if node.properties["metadata"][0]["value"] != "0"]
    gone = [node.key for node in references if node.properties["metadata"][0]["value"] == "0"]
    settled = {node.key for node in references}
    device.change(
        [new for new in puts if new.key not in settled] + kept, [*made.drops, *(key for key in gone if store.get(*key) is not None)]
    )


def _unchangeable(store: Store, new: Object) -> None:
    if new.kind not in _SHARED_KINDS:
        return
    for old in store.of(new.kind):
        if old.properties["address"] == new.properties["address"] and old.path != new.path and new.kind == "ltm/node":
            raise DeviceError(f"0107176c:3: Invalid Node, the IP address {new.properties['address']} already exists.")
        if old.path == new.path and old.properties["address"] != new.properties["address"] and new.kind == "ltm/virtual-address":
            raise DeviceError(
                f"The Service Address virtualAddress property cannot be modified. Please delete {new.path} and recreate it."
            )


def _described(device: Device, new: Object) -> Object:
    if new.kind != "auth/partition":
        return new
    date = formatdate(device.clock.now(), usegmt=True)
    return Object(new.kind, new.path, {**new.properties, "description": f"Updated by AS3 at {date}"}, new.parts)


def _references(store: Store, made: Plan) -> Iterator[Object]:
    """The nodes and addresses in Common that this tenant uses or used, with how often they are used after the plan."""
    users: Counter[Key] = Counter()
    changed = {new.key: new for new in made.puts}
    gone = set(made.drops)
    after = [*(changed.get(found.key, found) for found in store.of("ltm/pool", "ltm/virtual") if found.key not in gone)]
    after += [new for key, new in changed.items() if store.get(*key) is None]
    for found in after:
        users.update(set(_uses(found)))
    touched = {key for found in (*made.current.values(), *made.desired.values()) for key in _uses(found)}
    for key in sorted(touched):
        node = changed.get(key) or store.get(*key)
        if node is not None and partition(key[1]) == "Common" and _counted(node):
            count = [{"name": "references", "value": str(users[key])}]
            if node.properties["metadata"] != count or key in changed:
                yield Object(node.kind, node.path, {**node.properties, "metadata": count}, node.parts)


def _counted(node: Object) -> bool:
    return any(entry["name"] == "references" for entry in node.properties.get("metadata", []))


def _uses(found: Object) -> Iterator[Key]:
    for member in found.parts.get("members", {}):
        yield "ltm/node", addresses.without_port(member)[0]
    if found.kind == "ltm/virtual":
        yield "ltm/virtual-address", addresses.without_port(found.properties["destination"])[0]


def traces(made: Plan) -> dict[str, Any]:
    """What AS3 shows of its work when it is asked to."""

    def shown(found: Object) -> dict[str, Any]:
        command = f"{found.kind.replace('/', ' ')}"
        return {"command": command, "properties": {**found.properties, **found.parts}, "ignore": []}

    changes = []
    for new in made.puts:
        old = made.current.get(new.key)
        entry: dict[str, Any] = {"kind": "E" if old else "N", "path": [new.path], "rhs": shown(new), "tags": ["tmsh"]}
        if old:
            entry["lhs"] = shown(old)
        changes.append({**entry, "command": new.kind.replace("/", " ")})
    changes += [{"kind": "D", "path": [path], "command": kind.replace("/", " "), "tags": ["tmsh"]} for kind, path in made.drops]
    return {
        f"{made.tenant}Desired": {found.path: shown(found) for found in made.desired.values()},
        f"{made.tenant}Current": {found.path: shown(found) for found in made.current.values()},
        f"{made.tenant}Diff": changes,
        f"{made.tenant}Script": "\n".join(f"{change['kind']} {change['command']} {change['path'][0]}" for change in changes),
    }
