"""iControl REST for everything in the table of kinds: lists, objects, sub-collections and statistics."""

from __future__ import annotations

import functools
import logging
import re
from typing import Any

from bigip_emulator import seen
from bigip_emulator.bodies import NAMING, element, error, implied, refused
from bigip_emulator.device import Device
from bigip_emulator.kinds import KINDS, Kind
from bigip_emulator.objects import DeviceError, Object
from bigip_emulator.show import LINK, VERSION, entry, show, show_element, show_part, tilde
from bigip_emulator.web import Handler, Json, Refused, Request, Response, Router

_LOG = logging.getLogger(__name__)
_OPPOSITES = {"enabled": "disabled", "disabled": "enabled", "vlansEnabled": "vlansDisabled", "vlansDisabled": "vlansEnabled"}


def full_path(text: str) -> str:
    """The full path that a name in a URL stands for."""
    return text.replace("~", "/") if text.startswith("~") else f"/Common/{text}"


def _typed(handler: Handler) -> Handler:
    """The same for bodies whose values may be of any type: what nothing can be made of is refused."""

    @functools.wraps(handler)
    def typed(request: Request, **named: str) -> Response:
        try:
            return handler(request, **named)
        except (AttributeError, KeyError, TypeError, ValueError):
            _LOG.debug("%s %s holds a value of another type", request.method, request.path, exc_info=True)
            raise error(400, "01070734:3: Configuration error: a property has a value of another type.") from None

    return typed


class IControl:
    """The REST interface to the configuration."""

    def __init__(self, device: Device) -> None:
        self._device = device

    def routes(self, router: Router) -> None:
        for kind, described in KINDS.items():
            base = f"/mgmt/tm/{kind}"
            _Collection(self._device, kind).routes(router, base)
            for part in described.parts:
                _Part(self._device, kind, part).routes(router, base)


class _Collection:
    def __init__(self, device: Device, kind: str) -> None:
        self._device = device
        self._kind = kind
        self._described: Kind = KINDS[kind]

    def routes(self, router: Router, base: str) -> None:
        if self._kind in _STATS:
            router.add(base + "/stats", GET=self._all_stats)
            router.add(base + "/{name}/stats", GET=self._stats)
        create, edit = _typed(self._create), _typed(self._edit)
        router.add(base, GET=self._list, POST=create)
        router.add(base + "/{name}", GET=self._get, PATCH=edit, PUT=edit, DELETE=self._delete)

    def _path(self, name: str) -> str:
        if self._kind == "auth/partition":
            return name.lstrip("~")
        return full_path(name)

    def _find(self, name: str) -> Object:
        path = self._path(name)
        found = self._device.store.get(self._kind, path)
        if found is None:
            raise error(404, f"01020036:3: The requested {self._described.label} ({path}) was not found.")
        return found

    def _list(self, request: Request) -> Response:
        with self._device.lock:
            found = sorted(self._device.store.of(self._kind), key=lambda one: one.path)
            wanted = re.fullmatch(r"partition eq '?([^']+?)'?", request.query.get("$filter", ""))
            if wanted:
                found = [one for one in found if (one.partition or one.path) == wanted[1]]
            items = [_select(request, show(self._device, one, "expandSubcollections" in request.query)) for one in found]
        last = self._kind.rpartition("/")[2]
        body = {
            "kind": f"tm:{self._kind.replace('/', ':')}:{last}collectionstate",
            "selfLink": f"{LINK}{self._kind}?ver={VERSION}",
        }
        return Response(200, {**body, "items": items} if items else body)

    def _get(self, request: Request, name: str) -> Response:
        with self._device.lock:
            return Response(200, _select(request, show(self._device, self._find(name), "expandSubcollections" in request.query)))

    def _create(self, request: Request) -> Response:
        body = request.fields()
        name = body.get("name")
        if not isinstance(name, str) or not name:
            raise error(400, f"01020036:3: one or more properties must be specified for {self._described.label}: name")
        made = Object(self._kind, self._named(name, body), dict(self._described.defaults))
        with self._device.lock:
            if self._device.store.get(*made.key):
                where = made.partition or "Common"
                text = f"01020066:3: The requested {self._described.label} ({made.path}) already exists in partition {where}."
                raise error(409, text)
            self._fill(made, body)
            missing = sorted(self._described.required - made.properties.keys())
            if missing:
                raise error(400, f'one or more properties must be specified: "{missing[0]}"')
            if made.partition and not self._device.store.get("auth/partition", made.partition) and self._kind != "sys/folder":
                raise error(400, f"01070734:3: Configuration error: the folder (/{made.partition}) does not exist.")
            return self._write(made)

    def _named(self, name: str, body: dict[str, Json]) -> str:
        if self._kind == "auth/partition" or name.startswith("/"):
            return name
        folder = "/".join(str(body[part]) for part in ("partition", "subPath") if body.get(part)) or "Common"
        return f"/{folder}/{name}"

    def _edit(self, request: Request, name: str) -> Response:
        body = request.fields()
        with self._device.lock:
            old = self._find(name)
            replaced = request.method == "PUT"
            kept = {part: old.properties[part] for part in self._described.required} if replaced else old.properties
            made = Object(self._kind, old.path, {**self._described.defaults, **kept}, dict(old.parts))
            self._fill(made, body)
            return self._write(made)

    def _fill(self, made: Object, body: dict[str, Json]) -> None:
        for name, value in body.items():
            if name in NAMING or name.endswith("Reference"):
                continue
            if not self._described.knows(name):
                raise Refused(400, {"code": 400, "message": f'"{name}" unknown property', "errorStack": [], "apiError": 26214401})
            if name in self._described.parts:
                made.parts[name] = dict(element(made.kind, name, one) for one in value)
                continue
            if self._kind.startswith("ltm/virtual") or self._kind == "ltm/snat-translation":
                made.properties.pop(_OPPOSITES.get(name, ""), None)
            made.properties[name] = value

    def _write(self, made: Object) -> Response:
        if self._kind.startswith("sys/file/") and "sourcePath" in made.properties:
            content = self._device.uploads.content(str(made.properties["sourcePath"]))
            if content is None:
                raise error(400, f"01070712:3: Failed! exit_code (3). {made.properties['sourcePath']} was not uploaded")
            made.properties["content"] = content
        try:
            self._device.change([*implied(self._device, made), made], [])
        except DeviceError as problem:
            raise refused(problem) from None
        return Response(200, show(self._device, made, False))

    def _delete(self, _request: Request, name: str) -> Response:
        with self._device.lock:
            found = self._find(name)
            gone = [found.key]
            if found.kind == "auth/partition":
                self._empty(found.path)
                gone += [folder.key for folder in self._device.store.of("sys/folder") if folder.partition == found.path]
            try:
                self._device.change([], gone)
            except DeviceError as problem:
                raise refused(problem) from None
        return Response(200)

    def _empty(self, name: str) -> None:
        if any(one.partition == name and one.kind != "sys/folder" for one in self._device.store.every()):
            raise error(400, f"01070829:5: Input error: Folder /{name} is not empty and cannot be deleted.")

    def _all_stats(self, _request: Request) -> Response:
        with self._device.lock:
            found = sorted(self._device.store.of(self._kind), key=lambda one: one.path)
            entries = dict(
                entry(f"{self._kind}/{tilde(one.path)}/{tilde(one.path)}", self._kind, self._numbers(one)) for one in found
            )
        kind = f"tm:{self._kind.replace('/', ':')}:{self._kind.rpartition('/')[2]}collectionstats"
        body = {"kind": kind, "selfLink": f"{LINK}{self._kind}/stats?ver={VERSION}"}
        return Response(200, {**body, "entries": entries} if entries else body)

    def _stats(self, _request: Request, name: str) -> Response:
        with self._device.lock:
            found = self._find(name)
            where = f"{self._kind}/{tilde(found.path)}"
            entries = dict([entry(f"{where}/{tilde(found.path)}", self._kind, self._numbers(found))])
        kind = f"tm:{self._kind.replace('/', ':')}:{self._kind.rpartition('/')[2]}stats"
        return Response(200, {"kind": kind, "generation": 1, "selfLink": f"{LINK}{where}/stats?ver={VERSION}", "entries": entries})

    def _numbers(self, found: Object) -> dict[str, Any]:
        return _STATS[self._kind](self._device.store, self._device.seen, found)


_STATS = {"ltm/virtual": seen.virtual_stats, "ltm/pool": seen.pool_stats}


class _Part:
    """A sub-collection, such as the members of a pool."""

    def __init__(self, device: Device, kind: str, part: str) -> None:
        self._device = device
        self._owner = _Collection(device, kind)
        self._kind = kind
        self._part = part

    def routes(self, router: Router, base: str) -> None:
        where = f"{base}/{{name}}/{self._part}"
        if self._part == "members":
            router.add(where + "/stats", GET=self._all_stats)
            router.add(where + "/{one}/stats", GET=self._stats)
        create, edit = _typed(self._create), _typed(self._edit)
        router.add(where, GET=self._list, POST=create)
        router.add(where + "/{one}", GET=self._get, PATCH=edit, PUT=edit, DELETE=self._delete)

    def _find(self, name: str, one: str) -> tuple[Object, str]:
        owner = self._owner._find(name)
        path = full_path(one) if owner.kind != "ltm/policy" else one
        for candidate in (path, one):
            if candidate in owner.parts.get(self._part, {}):
                return owner, candidate
        raise error(404, f"01020036:3: The requested {_PART_LABELS[self._part]} ({owner.path} {path}) was not found.")

    def _list(self, _request: Request, name: str) -> Response:
        with self._device.lock:
            owner = self._owner._find(name)
            return Response(200, show_part(self._device, owner, self._part, True))

    def _get(self, _request: Request, name: str, one: str) -> Response:
        with self._device.lock:
            owner, path = self._find(name, one)
            return Response(200, show_element(self._device, owner, self._part, path))

    def _create(self, request: Request, name: str) -> Response:
        path, properties = element(self._kind, self._part, request.fields())
        with self._device.lock:
            owner = self._owner._find(name)
            if path in owner.parts.get(self._part, {}):
                raise error(
                    409,
                    f"01020066:3: The requested {_PART_LABELS[self._part]} ({owner.path} {path}) already exists in partition "
                    f"{owner.partition}.",
                )
            return self._write(owner, path, properties)

    def _edit(self, request: Request, name: str, one: str) -> Response:
        with self._device.lock:
            owner, path = self._find(name, one)
            _, given = element(self._kind, self._part, {**request.fields(), "name": path}, complete=False)
            return self._write(owner, path, {**owner.parts[self._part][path], **given})

    def _write(self, owner: Object, path: str, properties: dict[str, Any]) -> Response:
        parts = {**owner.parts, self._part: {**owner.parts.get(self._part, {}), path: properties}}
        made = Object(owner.kind, owner.path, owner.properties, parts)
        try:
            self._device.change([*implied(self._device, made), made], [])
        except DeviceError as problem:
            raise refused(problem) from None
        return Response(200, show_element(self._device, made, self._part, path))

    def _delete(self, _request: Request, name: str, one: str) -> Response:
        with self._device.lock:
            owner, path = self._find(name, one)
            kept = {other: properties for other, properties in owner.parts[self._part].items() if other != path}
            self._device.change([Object(owner.kind, owner.path, owner.properties, {**owner.parts, self._part: kept})], [])
        return Response(200)

    def _all_stats(self, _request: Request, name: str) -> Response:
        with self._device.lock:
            owner = self._owner._find(name)
            where = f"{self._kind}/{tilde(owner.path)}/{self._part}"
            entries = dict(self._member(owner, path) for path in owner.parts.get(self._part, {}))
        body = {"kind": "tm:ltm:pool:members:memberscollectionstats", "selfLink": f"{LINK}{where}/stats?ver={VERSION}"}
        return Response(200, {**body, "entries": entries} if entries else body)

    def _stats(self, _request: Request, name: str, one: str) -> Response:
        with self._device.lock:
            owner, path = self._find(name, one)
            entries = dict([self._member(owner, path)])
        return Response(200, {"kind": "tm:ltm:pool:members:membersstats", "entries": entries})

    def _member(self, owner: Object, path: str) -> tuple[str, dict[str, Any]]:
        numbers = seen.member_stats(self._device.store, self._device.seen, owner, path)
        return entry(f"{self._kind}/{tilde(owner.path)}/{self._part}/{tilde(path)}", f"{self._kind}/{self._part}", numbers)


_PART_LABELS = {
    "members": "Pool Member",
    "profiles": "profile of the virtual server",
    "policies": "policy of the virtual server",
    "interfaces": "VLAN interface",
    "rules": "policy rule",
}


def _select(request: Request, shown: dict[str, Any]) -> dict[str, Any]:
    names = request.query.get("$select")
    return {name: shown[name] for name in names.split(",") if name in shown} if names else shown
