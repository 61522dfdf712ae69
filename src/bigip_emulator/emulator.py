"""One emulated BIG-IP: everything put together, and what every request goes through."""

from __future__ import annotations

import logging
import ssl

from bigip_emulator.as3.endpoints import As3
from bigip_emulator.as3.tasks import BASE
from bigip_emulator.auth import Auth
from bigip_emulator.cluster import Cluster, Group
from bigip_emulator.device import Device, Settings
from bigip_emulator.faults import Fault
from bigip_emulator.icontrol import IControl
from bigip_emulator.switchboard import Switchboard
from bigip_emulator.system import System
from bigip_emulator.web import HangUp, Refused, Request, Response, Router, Server, framework

_LOG = logging.getLogger(__name__)
_HTML = "<html><head><title>502 Proxy Error</title></head><body><h1>Proxy Error</h1></body></html>"


class Emulator:
    """A device and its server. `start` and `stop` are called once each."""

    def __init__(self, settings: Settings, group: Group, address: tuple[str, int], tls: ssl.SSLContext) -> None:
        self.device = Device(settings)
        self._auth = Auth(self.device.clock, settings.users, settings.tokens)
        self.cluster = Cluster(self.device, group)
        self._as3 = As3(self.device, self.cluster.sync)
        self._router = Router()
        for part in (
            self._auth,
            self.device.uploads,
            System(self.device, self.cluster),
            IControl(self.device),
            self._as3,
            Switchboard(self.device, self._auth, self._as3, self.cluster),
        ):
            part.routes(self._router)
        self.server = Server(address, tls, self.answer)

    def start(self) -> None:
        self.server.start()
        self.cluster.start()

    def stop(self) -> None:
        self.device.faults.release()
        self.cluster.stop()
        self.server.stop()

    def answer(self, request: Request) -> Response:
        """What the device answers. Raises HangUp."""
        own = request.path.startswith("/emulator")
        if self.device.away() and (not own or request.path.startswith("/emulator/cluster")):
            raise HangUp
        faults = [] if own else self.device.faults.of_request(request.method, request.path)
        for fault in faults:
            if (response := self._before(fault)) is not None:
                return response
        boots = self.device.boots
        try:
            response = self._handled(request)
        except Refused as refused:
            response = refused.response
        except Exception:  # noqa: BLE001 - whatever a request stumbles over, its client gets an answer
            _LOG.exception("%s %s failed", request.method, request.path)
            response = Response(500, framework("the emulator stumbled over this request; its log tells more", 500))
        if any(fault.kind == "reset-after" for fault in faults) or (self.device.boots != boots and not own):
            raise HangUp
        return response

    def _before(self, fault: Fault) -> Response | None:
        """What a fault does before the request is looked at; an answer if that is all."""
        if fault.kind == "latency":
            self.device.clock.sleep(fault.seconds)
        if fault.kind == "hold":
            self.device.faults.hold(fault)
        if fault.kind == "reset-before":
            raise HangUp
        if fault.kind == "bad-gateway":
            return Response(502, fault.text or _HTML, "text/html")
        if fault.kind == "unavailable":
            return Response(503, framework(fault.text or "There is an active asynchronous task executing.", 503))
        if fault.kind == "unauthorized":
            return Response(401, framework(fault.text or "X-F5-Auth-Token does not exist.", 401))
        if fault.kind == "context-timeout":
            return Response(500, framework(fault.text or "AsyncContext timeout", 500))
        return None

    def _handled(self, request: Request) -> Response:
        if request.path != "/mgmt/shared/authn/login":
            request.user = self._auth.check(request)
        if request.path.startswith(BASE):
            self._as3.ready()
        handler, arguments = self._router.find(request.method, request.path)
        return handler(request, **arguments)
