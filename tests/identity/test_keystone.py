"""With a real Keystone: tokens, the service catalogue, and clients as they are."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import openstack
import pytest
from falcon.testing import TestClient
from openstack.load_balancer.v2._proxy import Proxy

from bascule.cmd import settings
from bascule.cmd.keystone import Tokens
from bascule.cmd.policy import PolicyAccess
from bascule.cmd.process import StartError
from bascule.model.backend import LaneSpec
from bascule.north.octavia_v2.openapi import Unavailable
from bascule.south.memory import MemoryBackend
from bascule.store.engine import Database
from tests import openstack_command
from tests.addresses import free_port
from tests.api.bascule import VIPS, Bascule, Client, Identity
from tests.api.serving import serving
from tests.identity import conversations, keystone
from tests.identity.keystone import Keystone
from tests.identity.users import PASSWORD

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore"),  # of keystonemiddleware's and the clients' own parts
]

OPENSTACK = Path(sys.executable).with_name("openstack")


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keystone]:
    """A Keystone with two projects and their users."""
    if not (keystone.HOME / "installed").exists():
        pytest.skip("NOT TESTED: there is no Keystone; './run test' installs one into .venv/keystone")
    with keystone.running(tmp_path_factory.mktemp("keystone")) as running:
        for project in ("ours", "theirs", "service"):
            running.add_project(project)
        running.add_user("member", "member", "ours")
        running.add_user("reader", "reader", "ours")
        running.add_user("other", "member", "theirs")
        running.add_user("alarm", "service", "service")
        running.add_user("nobody", None, "ours")
        yield running


def configured(folder: Path, cloud: Keystone, password: str = PASSWORD) -> Path:
    file = folder / "bascule.conf"
    file.write_text(
        f"[api]\nauth_strategy = keystone\n[keystone_authtoken]\nwww_authenticate_uri = {cloud.url}\nauth_url = {cloud.url}\n"
        f"auth_type = password\nusername = alarm\npassword = {password}\nproject_name = service\n"
        "user_domain_id = default\nproject_domain_id = default\nservice_type = load-balancer\ndelay_auth_decision = true\n"
    )
    return file


@pytest.fixture
def bascule(sqlite_database: Database, tmp_path: Path, cloud: Keystone) -> Bascule:
    conf = settings.read([str(configured(tmp_path, cloud))])
    identity = Identity(PolicyAccess(conf), lambda app: Tokens(app, conf))
    lanes = (LaneSpec("memory:e", availability_zone="east"), LaneSpec("memory:w"))
    return Bascule(sqlite_database, tmp_path / "certificates", lambda device: MemoryBackend(device, lanes=lanes), identity=identity)


def test_tokens(cloud: Keystone, bascule: Bascule) -> None:
    def client(user: str, project: str | None) -> Client:
        return Client(bascule, **{"X-Auth-Token": keystone.token(cloud.url, user, project)})

    member, reader, other = client("member", "ours"), client("reader", "ours"), client("other", "theirs")
    made = member.load_balancer(name="lb")
    path = f"/loadbalancers/{made['id']}"
    assert made["project_id"] == cloud.projects["ours"]
    assert [each.get(path).status for each in (member, reader, other)] == [200, 200, 404]
    assert [each.delete(path).status for each in (other, reader)] == [404, 403]
    assert [len(each.get("/loadbalancers").body["loadbalancers"]) for each in (member, reader, other)] == [1, 1, 0]
    admin = client("admin", "admin")
    assert len(admin.get("/loadbalancers").body["loadbalancers"]) == 1
    assert admin.put(f"{path}/failover").status == 202
    pool = member.pool(loadbalancer_id=made["id"])
    alarm = client("alarm", "service")
    assert (alarm.get(f"/pools/{pool['id']}/members").status, alarm.get(path).status) == (200, 404)
    unscoped = client("nobody", None)
    body = {"loadbalancer": {"vip_subnet_id": VIPS.id}}
    assert [unscoped.get(path).status, unscoped.get("/loadbalancers").status] == [404, 403]
    assert unscoped.post("/loadbalancers", body).fault == "Validation failure: Missing project ID in request where one is required."


def test_no_token_and_wrong_ones(cloud: Keystone, bascule: Bascule) -> None:
    forged = {"X-Identity-Status": "Confirmed", "X-Roles": "admin", "X-Project-Id": cloud.projects["ours"]}
    for headers in ({}, {"X-Auth-Token": "nonsense"}, forged, forged | {"X-Auth-Token": "nonsense"}):
        answer = Client(bascule, **headers).get("/loadbalancers")
        assert (answer.status, answer.body["error"]["code"]) == (401, 401)
        assert cloud.url.removesuffix("/v3") in answer.headers["www-authenticate"]
    assert Client(bascule).raw("GET", "/").status == 200
    assert Client(bascule).raw("GET", "/v2").status == 401
    assert Client(bascule).raw("GET", "/v2.0/subnets").status == 401


def test_settings_of_keystone_that_cannot_be_used(tmp_path: Path, cloud: Keystone) -> None:
    file = configured(tmp_path, cloud)
    file.write_text(file.read_text().replace("auth_type = password", "auth_type = nonsense"))
    with pytest.raises(StartError, match=r"\[keystone_authtoken\].*nonsense"):
        Tokens(lambda _environ, _start: [], settings.read([str(file)]))


def test_without_keystone_nobody_is_let_in_and_it_is_said_why(cloud: Keystone, tmp_path: Path) -> None:
    nobody, no_tls = f"http://127.0.0.1:{free_port()}/v3", cloud.url.replace("http:", "https:")
    for url, password in ((nobody, PASSWORD), (no_tls, PASSWORD), (cloud.url, "not ours")):
        file = configured(tmp_path, cloud, password)
        file.write_text(file.read_text().replace(f"auth_url = {cloud.url}", f"auth_url = {url}"))
        client = TestClient(Tokens(lambda _environ, _start: [], settings.read([str(file)])))
        headers = {"X-Auth-Token": "some", "Accept": "application/json"}
        answer = client.simulate_get("/v2/lbaas/loadbalancers", headers=headers)
        assert answer.status_code == 503, url
        assert "The Keystone service is temporarily unavailable." in answer.json["message"]
        assert set(answer.json) == {field.name for field in msgspec.structs.fields(Unavailable)}


@contextlib.contextmanager
def in_catalogue(cloud: Keystone, url: str) -> Iterator[None]:
    # Without Neutron, clients look up names of subnets in Bascule.
    services = [cloud.add_service(kind, url) for kind in ("load-balancer", "network")]
    try:
        yield
    finally:
        for service in services:
            cloud.remove_service(service)


@pytest.fixture
def url(bascule: Bascule, cloud: Keystone) -> Iterator[str]:
    with serving(bascule) as url, in_catalogue(cloud, url):
        yield url


def test_the_openstack_command(url: str, cloud: Keystone, tmp_path: Path) -> None:
    if not OPENSTACK.exists():
        pytest.skip("the openstack command is not installed beside this Python")

    def run(user: str, project: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], **cloud.environment(user, project)}
        command = [str(OPENSTACK), "loadbalancer", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90, check=False)

    def shown(user: str, project: str, *arguments: str) -> Any:
        done = run(user, project, *arguments, "-f", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    made = shown("member", "ours", "create", "--name", "lb", "--vip-subnet-id", "vips", "--wait")
    assert (made["provisioning_status"], made["project_id"]) == ("ACTIVE", cloud.projects["ours"])
    assert [each["name"] for each in shown("reader", "ours", "list")] == ["lb"]
    assert shown("other", "theirs", "list") == []
    assert [each["name"] for each in shown("admin", "admin", "list", "--project", "ours")] == ["lb"]
    for_them = shown("admin", "admin", "create", "--project", "theirs", "--vip-subnet-id", "vips")
    assert for_them["project_id"] == cloud.projects["theirs"]
    refused = run("reader", "ours", "delete", "lb")
    assert refused.returncode
    assert "Policy does not allow this request to be performed. (HTTP 403)" in refused.stderr
    assert run("other", "theirs", "show", made["id"]).returncode
    assert run("member", "ours", "delete", "lb", "--wait").returncode == 0


def test_every_command(bascule: Bascule, url: str, cloud: Keystone, tmp_path: Path) -> None:
    environments = (cloud.environment("member", "ours"), cloud.environment("admin", "admin"))
    with contextlib.ExitStack() as stack:
        member, admin = (stack.enter_context(openstack_command.running(each, tmp_path)) for each in environments)
        conversations.of_a_project(member)
        conversations.of_operators(admin)
        conversations.of_amphorae(admin, member, bascule)
        assert member.succeeded | admin.succeeded == openstack_command.names()


def connect(cloud: Keystone, user: str, project: str) -> openstack.connection.Connection:
    given = {name.removeprefix("OS_").lower(): value for name, value in cloud.environment(user, project).items()}
    return openstack.connect(load_envvars=False, load_yaml_config=False, **given)


def test_every_method_of_openstacksdk(url: str, cloud: Keystone) -> None:
    called: set[str] = set()
    with connect(cloud, "member", "ours") as member, connect(cloud, "admin", "admin") as admin:
        conversations.of_a_program(conversations.Noted(member.load_balancer, called))
        conversations.of_an_operators_program(conversations.Noted(admin.load_balancer, called))
    assert called == {name for name, each in vars(Proxy).items() if callable(each) and not name.startswith("_")}


def test_openstacksdk(url: str, cloud: Keystone) -> None:
    with connect(cloud, "member", "ours") as member, connect(cloud, "other", "theirs") as other:
        made = member.load_balancer.create_load_balancer(name="lb", vip_subnet_id=VIPS.id)
        made = member.load_balancer.wait_for_load_balancer(made.id, interval=0.1)
        assert (made.provisioning_status, made.project_id) == ("ACTIVE", cloud.projects["ours"])
        listener = member.load_balancer.create_listener(load_balancer_id=made.id, protocol="HTTP", protocol_port=80)
        assert [each.id for each in member.load_balancer.listeners()] == [listener.id]
        assert list(other.load_balancer.listeners()) == []
        with pytest.raises(openstack.exceptions.NotFoundException):
            other.load_balancer.get_load_balancer(made.id)
        with pytest.raises(openstack.exceptions.ForbiddenException):
            member.load_balancer.failover_load_balancer(made.id)
        member.load_balancer.delete_load_balancer(made, cascade=True)
