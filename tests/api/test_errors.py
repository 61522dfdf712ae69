"""Requests that are no proper requests, and answers to those that go wrong."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from falcon.testing import TestClient, create_environ

from bascule.model import trace
from bascule.model.backend import Refusal
from bascule.model.objects import LoadBalancer, Tree, Vip
from bascule.north.octavia_v2.request_ids import RequestIds
from bascule.south.haproxy import Binary, HAProxyBackend
from bascule.south.memory import MemoryBackend
from bascule.store import engine
from bascule.store.engine import Database
from tests.api.bascule import NOWHERE, VIPS, Bascule, Client
from tests.proxy import Link, Proxy
from tests.servers import Server

pytestmark = pytest.mark.slow

JSON = {"Content-Type": "application/json"}
LOAD_BALANCERS = "/v2.0/lbaas/loadbalancers"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b'{"loadbalancer": {"name": "\\ud800"}}',
        b'{"loadbalancer": {"name": "\xff"}}',
        b'{"loadbalancer": NaN}',
        b"\x00",
        gzip.compress(b'{"loadbalancer": {}}', mtime=0),
    ],
)
def test_what_is_not_json_is_refused(api: Client, body: bytes) -> None:
    answer = api.raw("POST", LOAD_BALANCERS, body=body, headers=JSON)
    assert (answer.status, answer.fault) == (400, "Request is not in valid JSON format")


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"null",
        b"7",
        b'"x"',
        b"{}",
        b'{"loadbalancer": null}',
        b'{"loadbalancer": []}',
        b'{"listener": {}}',
        b'{"loadbalancer": {"vip_subnet_id": 1e400}}',
        b'{"loadbalancer": {"vip_subnet_id": ' + b"9" * 5000 + b"}}",
        b'{"loadbalancer": {"tags": ' + b"[" * 5000 + b"]" * 5000 + b"}}",
        b"[" * 200_000,
        *(b'{"loadbalancer": {"name": ' + b"[" * deep + b"]" * deep + b"}}" for deep in (100, 300, 900, 950, 990, 1010)),
        b'{"a":' * 100_000,
    ],
)
def test_what_is_not_the_right_json_is_refused(api: Client, body: bytes) -> None:
    answer = api.raw("POST", LOAD_BALANCERS, body=body, headers=JSON)
    assert answer.status == 400
    assert answer.fault


def test_a_body_has_a_content_type(api: Client, load_balancer: dict[str, Any]) -> None:
    path = f"{LOAD_BALANCERS}/{load_balancer['id']}"
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""):
        answer = api.raw("PUT", path, body=b'{"loadbalancer": {}}', headers={"Content-Type": kind})
        assert (answer.status, answer.fault) == (415, "Content-Type must be application/json")
    for kind in ("application/json; charset=utf-8", "Application/JSON"):
        answer = api.raw("PUT", path, body=b'{"loadbalancer": {}}', headers={"Content-Type": kind})
        assert answer.status == 200


def test_a_body_has_its_limits(api: Client) -> None:
    answer = api.raw("POST", LOAD_BALANCERS, body=b" " * (1024 * 1024 + 1), headers=JSON)
    assert (answer.status, answer.fault) == (413, "The body may have at most 1048576 bytes")


@pytest.mark.parametrize("length", ["many", "-1", "1.5"])
def test_a_body_has_a_length(api: Client, length: str) -> None:
    environ = create_environ(LOAD_BALANCERS, method="POST", headers=JSON | {"Host": "localhost"})
    statuses: list[str] = []
    body = b"".join(
        api.bascule.application(environ | {"CONTENT_LENGTH": length}, lambda status, *_: statuses.append(status))  # type: ignore
    )
    assert statuses == ["400 Bad Request"]
    assert b"Content-Length" in body


def test_no_more_than_twenty_problems_are_told(api: Client) -> None:
    answer = api.post("/loadbalancers", {"loadbalancer": {f"attribute{number}": 1 for number in range(100)}})
    assert answer.fault.count("Unknown attribute") == 20


def test_what_no_route_is_meant_for(api: Client) -> None:
    answer = api.raw("GET", "/v2.0/lbaas/nothing")
    assert (answer.status, answer.body) == (404, {"code": 404, "title": "Not Found", "description": ""})
    answer = api.raw("PATCH", LOAD_BALANCERS)
    assert (answer.status, answer.body["code"], answer.body["title"]) == (405, 405, "Method Not Allowed")
    answer = api.raw("GET", LOAD_BALANCERS, headers={"Accept": "text/html"})
    assert (answer.status, answer.body["code"]) == (406, 406)
    for accept in ("", "*/*", "application/*", "text/html, application/json;q=0.1"):
        assert api.raw("GET", LOAD_BALANCERS, headers={"Accept": accept}).status == 200


def test_head_and_options(api: Client, load_balancer: dict[str, Any]) -> None:
    answer = api.raw("HEAD", f"{LOAD_BALANCERS}/{load_balancer['id']}")
    assert (answer.status, answer.body) == (200, None)
    assert api.raw("HEAD", f"{LOAD_BALANCERS}/{NOWHERE}").status == 404
    assert api.raw("OPTIONS", LOAD_BALANCERS).status == 200
    for path in ("/", "/docs", "/openapi.json", "/healthcheck"):
        assert api.raw("HEAD", path).status in (200, 204), path


@pytest.mark.parametrize("object_id", ["x", "x" * 300, "%00", "%ff", "%F0%9F%9A%A6", "a%0Ab", "..%2f", "'", "%25s", NOWHERE])
def test_ids_that_are_none_are_not_found(api: Client, object_id: str) -> None:
    for path in ("loadbalancers", "listeners", "pools", "healthmonitors", "l7policies", f"pools/{object_id}/members"):
        for method, body in (("GET", b""), ("DELETE", b""), ("PUT", None)):
            root = {"loadbalancers": "loadbalancer", "l7policies": "l7policy"}.get(path.split("/")[0], path.rstrip("s"))
            root = "member" if "/" in path else root
            sent = b'{"%s": {"name": "x"}}' % root.encode() if body is None else body
            answer = api.raw(method, f"/v2.0/lbaas/{path}/{object_id}", body=sent, headers=JSON)
            assert answer.status == 404, (method, path, answer)


def test_an_error_of_ours_is_answered_with_a_request_id(api: Client, caplog: pytest.LogCaptureFixture) -> None:
    api.bascule.database.write(lambda conn: conn.exec_driver_sql("DROP TABLE load_balancer"))
    works: list[str] = []
    caplog.handler.addFilter(lambda _record: works.append(trace.current()) is None)
    answer = api.get("/loadbalancers")
    assert answer.status == 500
    request_id = answer.headers["x-openstack-request-id"]
    assert answer.fault == f"An unknown exception occurred. The log tells more under request {request_id}."
    assert works == [request_id]
    assert "no such table" in caplog.text


def test_an_error_before_the_api_is_answered_in_the_same_way(
    sqlite_database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A library that asks who calls may raise what it likes, for instance where it does not understand Keystone's answer."""

    def broken(*_: object) -> list[bytes]:
        raise ValueError("this is no token")

    answer = Client(Bascule(sqlite_database, tmp_path, around=lambda _application: broken)).get("/loadbalancers")
    request_id = answer.headers["x-openstack-request-id"]
    told = (500, f"An unknown exception occurred. The log tells more under request {request_id}.")
    assert (answer.status, answer.fault) == told
    assert "this is no token" in caplog.text


def test_a_database_that_is_away_is_said_to_be_and_comes_back(
    postgresql: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(engine, "ATTEMPTS", 2)
    with postgresql.migrated() as url:
        proxy = Proxy(postgresql.socket)
        database = Database(f"postgresql+psycopg://bascule@127.0.0.1:{proxy.port}/{sa.make_url(url).database}")
        api = Client(Bascule(database, tmp_path))
        wanted = {"loadbalancer": {"vip_subnet_id": VIPS.id}}
        made = api.post("/loadbalancers", wanted).body["loadbalancer"]
        proxy.set(Link.REFUSED)
        for answer in (
            api.get("/loadbalancers"),
            api.get(f"/loadbalancers/{made['id']}/status"),
            api.post("/loadbalancers", wanted),
        ):
            assert (answer.status, answer.headers["retry-after"]) == (503, "5")
            assert answer.fault == "The database cannot be reached now. Nothing was changed; send the request again."
        told = [str(record.exc_info[1]) for record in caplog.records if record.exc_info]
        assert [text.partition(": ")[0] for text in told] == ["the database cannot be reached"] * 3
        assert "\n" not in "".join(told)

        proxy.set(Link.WHOLE)
        assert api.put(f"/loadbalancers/{made['id']}", {"loadbalancer": {"name": "back"}}).status == 200
        proxy.cut_on = b"COMMIT\0"  # and not READ COMMITTED
        not_done = api.post("/loadbalancers", wanted)
        proxy.cut_on = b"array("  # as in what shows an object to which others belong, once it is written
        pool = {"protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN", "loadbalancer_id": made["id"]}
        done = api.post("/pools", {"pool": pool})
        for answer in (not_done, done):
            assert (answer.status, "retry-after" in answer.headers) == (500, False)
            assert "It may or may not have been carried out: look before you send the request again." in answer.fault
        proxy.cut_on = None
        (seen,) = api.get("/loadbalancers").body["loadbalancers"]
        assert (seen["id"], len(seen["pools"])) == (made["id"], 1)
        database.close()
        proxy.close()


def test_every_request_has_an_id_and_is_told_that_of_its_caller(api: Client) -> None:
    seen: list[dict[str, Any]] = []

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.append(environ)
        start_response("204 No Content", [])
        return []

    client = TestClient(RequestIds(application))
    sent = f"req-{NOWHERE}"
    given = ["", sent, f"{sent}0", sent.upper()]
    answers = [client.simulate_get("/", headers={"X-OpenStack-Request-ID": each}).headers for each in given]
    own = [each["openstack.request_id"] for each in seen]
    assert [each["x-openstack-request-id"] for each in answers] == own
    assert len(set(own) - {sent}) == len(given)
    assert all(re.fullmatch(r"req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", each) for each in own)
    assert [each.get("openstack.global_request_id") for each in seen] == [None, sent, None, None]


class Picky(MemoryBackend):
    """Carries no TCP, and has lent port 81 to somebody else."""

    def refuse(self, tree: Tree, before: Tree | None) -> list[Refusal]:
        taken = [Refusal(each.id, "Port 81 is lent.", in_the_way=True) for each in tree.listeners if each.protocol_port == 81]
        return taken + [Refusal(each.id, "TCP is too plain.") for each in tree.listeners if each.protocol == "TCP"]


@pytest.mark.parametrize(
    ("protocol", "port", "status", "text"),
    [
        ("TCP", 80, 501, "Provider 'memory' does not support a requested option: TCP is too plain."),
        ("TCP", 81, 501, "Provider 'memory' does not support a requested option: TCP is too plain."),
        ("HTTP", 81, 409, "Port 81 is lent."),
    ],
)
def test_what_a_provider_cannot_do(
    sqlite_database: Database, tmp_path: Path, protocol: str, port: int, status: int, text: str
) -> None:
    api = Client(Bascule(sqlite_database, tmp_path, Picky))
    load_balancer = api.load_balancer()
    body = {"listener": {"loadbalancer_id": load_balancer["id"], "protocol": protocol, "protocol_port": port}}
    answer = api.post("/listeners", body)
    assert (answer.status, answer.fault) == (status, text)
    assert api.get("/listeners").body["listeners"] == []


@pytest.mark.parametrize("protocol", ["UDP", "SCTP"])
def test_what_haproxy_cannot_do(sqlite_database: Database, tmp_path: Path, protocol: str) -> None:
    binary = Binary(tmp_path / "is not run here", (2, 6), exporter=True)
    api = Client(Bascule(sqlite_database, tmp_path, lambda device: HAProxyBackend(tmp_path, binary)))
    load_balancer = api.load_balancer()
    body = {"listener": {"loadbalancer_id": load_balancer["id"], "protocol": protocol, "protocol_port": 8053}}
    answer = api.post("/listeners", body)
    text = f"protocol {protocol} is not possible; it can be HTTP, TERMINATED_HTTPS, HTTPS, TCP, PROMETHEUS."
    assert (answer.status, answer.fault) == (501, f"Provider 'haproxy' does not support a requested option: Listener {text}")
    body = {"loadbalancer": {"vip_subnet_id": VIPS.id, "listeners": [{"protocol": protocol, "protocol_port": 8053}]}}
    answer = api.post("/loadbalancers", body)
    assert (answer.status, text in answer.fault) == (501, True)
    assert api.get("/listeners").body["listeners"] == []


def test_what_another_door_has_made_is_only_shown(api: Client) -> None:
    vip = Vip(address="", subnet_id=VIPS.id)
    root = LoadBalancer(id=NOWHERE, project_id="p", provider="memory", vip=vip)
    api.bascule.writer.create(Tree(root), origin="another_door")
    path = f"/loadbalancers/{NOWHERE}"
    assert api.get(path).status == 200
    for answer in (api.put(path, {"loadbalancer": {"name": "x"}}), api.delete(path), api.put(f"{path}/failover")):
        assert answer.status == 400
        assert "belongs to another_door and is changed only there" in answer.fault


def test_only_meant_hosts_are_answered(api: Client) -> None:
    for host in ("localhost", "LOCALHOST:80", "127.0.0.1", "127.3.2.1:9876", "[::1]:9876", "bascule.example", "Bascule.Example:1"):
        assert api.raw("GET", "/", headers={"Host": host}).status == 200, host
    for host in ("evil.example", "127.0.0.1.evil.example", "10.0.0.1", "[::2]", "[", "localhost.evil.example:80", "a b"):
        answer = api.raw("GET", "/", headers={"Host": host})
        assert answer.status == 403, host
        assert answer.fault == f"Host {host!r} is not served here. Served: localhost, loopback addresses, bascule.example"
