"""A whole Bascule behind its API, and a client that talks to it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from falcon.testing import Result, TestClient

from bascule.core.amphorae import Amphorae
from bascule.core.certificates import CertificateLibrary
from bascule.core.health_manager import HealthManager
from bascule.core.offers import Offers
from bascule.core.passes import Passes
from bascule.core.quotas import Quotas
from bascule.core.reader import Reader
from bascule.core.recorder import Recorder
from bascule.core.resolve import Resolver
from bascule.core.subnets import Subnets
from bascule.core.worker import Worker
from bascule.core.writer import Writer
from bascule.model.backend import Backend
from bascule.model.definition import Subnet
from bascule.model.offers import OfferKind
from bascule.model.rules import EVERYTHING, Deployment
from bascule.north.octavia_v2.access import Access
from bascule.north.octavia_v2.app import application, guarded
from bascule.north.octavia_v2.door import Door
from bascule.south.memory import Device, MemoryBackend
from bascule.store.engine import Database
from tests.certificates import AUTHORITY

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

PROJECT = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
HOST = "127.0.0.1:9876"
NOWHERE = "00000000-0000-4000-8000-000000000000"

NETWORK_ID = "11111111-1111-4111-8111-111111111111"
VIPS = Subnet(
    "22222222-2222-4222-8222-222222222222", "vips", NETWORK_ID, "127.9.0.0/16", "127.9.0.10", "127.9.255.200", members=False
)
VIPS6 = Subnet(
    "33333333-3333-4333-8333-333333333333", "vips6", NETWORK_ID, "fd00:9::/64", "fd00:9::10", "fd00:9::ffff", members=False
)
MEMBERS = Subnet(
    "44444444-4444-4444-8444-444444444444",
    "members",
    "55555555-5555-4555-8555-555555555555",
    "10.1.0.0/16",
    "10.1.0.1",
    "10.1.255.254",
    vips=False,
)
PEM = AUTHORITY.issue() + AUTHORITY.pem + AUTHORITY.crl()
"""A file that is good for everything: it holds a certificate with its key, an authority, and its revocation list."""

SUBNETS = Subnets([VIPS6, VIPS, MEMBERS])


@dataclass(frozen=True)
class Identity:
    """How callers say who they are, and who tells what they may do."""

    access: Access
    authenticate: Callable[[WSGIApplication], WSGIApplication]


class Bascule:
    """Everything in one process. `settle` lets the worker and the health manager do what there is to do."""

    def __init__(
        self,
        database: Database,
        certificates: Path,
        kind: Callable[[Device], Backend] = MemoryBackend,
        identity: Identity | None = None,
        subnets: Subnets = SUBNETS,
        allowed: Deployment = EVERYTHING,
        around: Callable[[WSGIApplication], WSGIApplication] = lambda application: application,
        max_body: int = 1024 * 1024,
    ) -> None:
        self.database = database
        self.certificates = certificates
        self.device = Device()
        backend = kind(self.device)
        backends = {backend.name: backend}
        library = CertificateLibrary(certificates)
        recorder = Recorder(database)
        tags = [tag for lane in backend.lanes() for tag in lane.tags]
        self.worker = Worker(
            database, backends, Passes(backends, Resolver(library, subnets), library.secret), recorder, tags=tags, lanes_at_once=1
        )
        self.worker.start()
        self.health = HealthManager(database, backends, recorder, tags=tags)
        self.writer = Writer(database, backends, subnets, allowed=allowed)
        door = Door(
            reader=Reader(database),
            writer=self.writer,
            quotas=Quotas(database, {}),
            flavors=Offers(database, backends, OfferKind.FLAVOR),
            availability_zones=Offers(database, backends, OfferKind.AVAILABILITY_ZONE),
            amphorae=Amphorae(database, backends),
            subnets=subnets,
            certificates=library,
            providers={backend.name: backend.description},
            default_provider=backend.name,
            default_project_id=PROJECT,
            page_limit=1000,
            max_body=max_body,
            access=identity and identity.access,
        )
        if identity is None:
            self.application = application(door, allowed_hosts=["bascule.example"], around=around)
        else:
            self.application = guarded(door, identity.authenticate, around=around)

    def settle(self) -> None:
        self.worker.tick()
        self.health.tick()

    def add_certificate(self, name: str, project_id: str = PROJECT, content: bytes = PEM) -> str:
        folder = self.certificates / project_id
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
        return name


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: Any
    headers: dict[str, str]

    @property
    def fault(self) -> str:
        """The text of an error."""
        assert set(self.body) == {"faultcode", "faultstring", "debuginfo"}, self.body
        assert self.body["faultcode"] == ("Server" if self.status >= 500 else "Client")
        assert self.body["debuginfo"] is None
        text: str = self.body["faultstring"]
        return text


class Client:
    """Speaks HTTP to an application. Every answer is checked for what all answers have."""

    def __init__(self, bascule: Bascule, **headers: str) -> None:
        self.bascule = bascule

        def app(environ: Any, start_response: Any) -> Any:  # the client looks at the arguments to tell WSGI from ASGI
            return bascule.application(environ, start_response)

        self.client = TestClient(app, headers={"Host": HOST} | headers)

    def raw(self, method: str, path: str, **options: Any) -> Answer:
        result: Result = self.client.simulate_request(method, path, **options)
        assert result.headers["x-openstack-request-id"].startswith("req-")
        body = json.loads(result.content) if result.content else None
        return Answer(result.status_code, body, dict(result.headers))

    def send(self, method: str, path: str, body: Any = None, **query: Any) -> Answer:
        options: dict[str, Any] = {"query_string": urlencode(query, doseq=True)}
        if body is not None:
            options |= {"body": json.dumps(body), "headers": {"Content-Type": "application/json"}}
        return self.raw(method, f"/v2.0/lbaas{path}", **options)

    def get(self, path: str, **query: Any) -> Answer:
        return self.send("GET", path, **query)

    def post(self, path: str, body: Any, **query: Any) -> Answer:
        return self.send("POST", path, body, **query)

    def put(self, path: str, body: Any = None, **query: Any) -> Answer:
        return self.send("PUT", path, body, **query)

    def delete(self, path: str, **query: Any) -> Answer:
        return self.send("DELETE", path, **query)

    # What tests need over and over

    def settle(self) -> None:
        self.bascule.settle()

    def made(self, path: str, root: str, **attributes: Any) -> dict[str, Any]:
        """Create something; give it as it was shown."""
        answer = self.post(path, {root: attributes})
        assert answer.status == 201, answer.body
        shown: dict[str, Any] = answer.body[root]
        return shown

    def load_balancer(self, **attributes: Any) -> dict[str, Any]:
        return self.made("/loadbalancers", "loadbalancer", **{"vip_subnet_id": VIPS.id} | attributes)

    def listener(self, load_balancer_id: str, **attributes: Any) -> dict[str, Any]:
        given = {"loadbalancer_id": load_balancer_id, "protocol": "HTTP", "protocol_port": 80}
        return self.made("/listeners", "listener", **given | attributes)

    def pool(self, **attributes: Any) -> dict[str, Any]:
        return self.made("/pools", "pool", **{"protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN"} | attributes)

    def member(self, pool_id: str, **attributes: Any) -> dict[str, Any]:
        given = {"address": "10.1.0.5", "protocol_port": 8080}
        return self.made(f"/pools/{pool_id}/members", "member", **given | attributes)

    def health_monitor(self, pool_id: str, **attributes: Any) -> dict[str, Any]:
        given = {"pool_id": pool_id, "type": "HTTP", "delay": 5, "timeout": 3, "max_retries": 2}
        return self.made("/healthmonitors", "healthmonitor", **given | attributes)

    def l7policy(self, listener_id: str, **attributes: Any) -> dict[str, Any]:
        return self.made("/l7policies", "l7policy", **{"listener_id": listener_id, "action": "REJECT"} | attributes)

    def l7rule(self, l7policy_id: str, **attributes: Any) -> dict[str, Any]:
        given = {"type": "PATH", "compare_type": "STARTS_WITH", "value": "/api"}
        return self.made(f"/l7policies/{l7policy_id}/rules", "rule", **given | attributes)
