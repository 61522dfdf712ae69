"""The emulator's own endpoints below /emulator: what goes wrong, what members look like, and the talk of the device group."""

from __future__ import annotations

from typing import Any

from bigip_emulator.as3.endpoints import As3
from bigip_emulator.auth import Auth
from bigip_emulator.cluster import PATH, Cluster
from bigip_emulator.device import Device
from bigip_emulator.objects import Object
from bigip_emulator.seen import CHECKING, COUNTERS, DOWN, UP
from bigip_emulator.web import Json, Refused, Request, Response, Router

_STATES = (UP, DOWN, CHECKING)


def _refused(text: str) -> Refused:
    return Refused(422, {"message": text})


def _seconds(body: dict[str, Json], default: float) -> float:
    value = body.get("seconds", default)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise _refused("seconds has to be a number, at least 0")
    return float(value)


class Switchboard:
    """The endpoints that no BIG-IP has."""

    def __init__(self, device: Device, auth: Auth, as3: As3, cluster: Cluster) -> None:
        self._device = device
        self._auth = auth
        self._as3 = as3
        self._cluster = cluster

    def routes(self, router: Router) -> None:
        router.add("/emulator", GET=self._state)
        router.add("/emulator/faults", GET=self._faults, POST=self._fault, DELETE=self._clear)
        router.add("/emulator/faults/{number}", DELETE=self._remove)
        router.add("/emulator/release", POST=self._release)
        router.add("/emulator/busy", POST=self._busy)
        router.add("/emulator/expire-tokens", POST=self._expire)
        router.add("/emulator/reboot", POST=self._reboot)
        router.add("/emulator/lose-configuration", POST=self._lose)
        router.add("/emulator/standby", POST=self._standby)
        router.add("/emulator/members", PUT=self._members)
        router.add("/emulator/counters", PUT=self._counters)
        router.add("/emulator/processors", PUT=self._processors)
        router.add(PATH, POST=lambda request: Response(200, self._cluster.heard(request.fields())))
        router.add(PATH + "/config", POST=lambda request: Response(200, self._cluster.receive(request.fields())))

    def _state(self, _request: Request) -> Response:
        with self._device.lock:
            counted: dict[str, int] = {}
            for found in self._device.store.every():
                counted[found.kind] = counted.get(found.kind, 0) + 1
        return Response(200, {**self._cluster.told(), "boots": self._device.boots, "objects": counted})

    def _faults(self, _request: Request) -> Response:
        return Response(200, {"faults": self._device.faults.listed()})

    def _fault(self, request: Request) -> Response:
        return Response(201, self._device.faults.add(request.fields()).shown())

    def _clear(self, _request: Request) -> Response:
        self._device.faults.clear()
        return Response(204)

    def _remove(self, _request: Request, number: str) -> Response:
        if not number.isdecimal():
            raise Refused(404, {"message": "there is no such fault"})
        self._device.faults.clear(int(number))
        return Response(204)

    def _release(self, _request: Request) -> Response:
        self._device.faults.release()
        return Response(204)

    def _busy(self, request: Request) -> Response:
        self._as3.writer.hold(_seconds(request.fields(), 120))
        return Response(204)

    def _expire(self, _request: Request) -> Response:
        self._auth.expire_all()
        return Response(204)

    def _reboot(self, request: Request) -> Response:
        seconds = _seconds(request.fields(), 60)
        self._auth.expire_all()
        self._device.reboot(seconds)
        self._cluster.booted()
        return Response(202, {"seconds": seconds})

    def _lose(self, request: Request) -> Response:
        """Objects vanish from the running configuration, and AS3 does not know. `tenants` is a list, or left out for all."""
        wanted = request.fields().get("tenants")
        if wanted is not None and not isinstance(wanted, list):
            raise _refused("tenants has to be a list of names")
        with self._device.lock:
            store = self._device.store
            gone = [found for found in store.every() if self._lost(found, wanted)]
            for found in gone:
                store.drop(found.kind, found.path)
            self._device.changed()
        return Response(200, {"objects": len(gone)})

    @staticmethod
    def _lost(found: Object, wanted: Json) -> bool:
        name = found.partition if found.kind != "auth/partition" else found.path
        return name not in ("", "Common") and (wanted is None or name in wanted)

    def _standby(self, _request: Request) -> Response:
        self._cluster.stand_by()
        return Response(200, {"state": self._cluster.state()})

    def _members(self, request: Request) -> Response:
        """States by `address:port`, or by full path of the pool, a blank, and full path of the member."""
        body = request.fields()
        if any(state not in _STATES for state in body.values()):
            raise _refused(f"the state of a member has to be one of: {', '.join(_STATES)}")
        with self._device.lock:
            self._device.seen.members.update(body)
        return Response(204)

    def _counters(self, request: Request) -> Response:
        """Counters by full path of the virtual server, or by full path of the pool, a blank, and full path of the member."""
        body: dict[str, Any] = request.fields()
        for counters in body.values():
            if not isinstance(counters, dict) or counters.keys() - {*COUNTERS, "totRequests"}:
                raise _refused(f"counters are: {', '.join((*COUNTERS, 'totRequests'))}")
        with self._device.lock:
            for name, counters in body.items():
                self._device.seen.counters[name] = self._device.seen.count(name) | counters
        return Response(204)

    def _processors(self, request: Request) -> Response:
        """How busy each of the threads is that carry traffic."""
        busy = request.fields().get("busy")
        if not isinstance(busy, list) or not busy or not all(isinstance(each, int) and 0 <= each <= 100 for each in busy):
            raise _refused("busy has to be a list of percents, one for each thread that carries traffic")
        with self._device.lock:
            self._device.seen.processors = busy
        return Response(204)
