"""Clients as they are, unmodified: the openstack command with the load-balancer plug-in, and openstacksdk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import openstack
import pytest

from bascule.core.reader import Query, Reader
from bascule.model.backend import LaneSpec
from bascule.model.objects import Kind
from bascule.north.octavia_v2.door import ORIGIN
from bascule.south.haproxy import HAProxyBackend
from bascule.south.memory import MemoryBackend
from bascule.store.engine import Database
from tests import openstack_command
from tests.addresses import free_port
from tests.api.bascule import NETWORK_ID, VIPS, Bascule
from tests.api.serving import serving
from tests.haproxies import binary
from tests.openstack_command import Command


@pytest.fixture
def url(bascule: Bascule) -> Iterator[str]:
    with serving(bascule) as url:
        yield url


@contextmanager
def command(url: str, home: Path) -> Iterator[Command]:
    """The openstack command without Keystone."""
    with openstack_command.running({"OS_AUTH_TYPE": "none", "OS_ENDPOINT": url}, home) as running:
        yield running


def configurations(state_dir: Path) -> list[str]:
    """What the HAProxys run."""
    return [path.read_text() for path in state_dir.glob("haproxy/*/current/haproxy.cfg")]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_openstack_command(url: str, tmp_path: Path) -> None:
    with command(url, tmp_path) as lb:
        made = lb.shown("create", "--wait", name="lb1", vip_subnet_id="vips", vip_address="127.9.0.99")
        assert (made["provisioning_status"], made["operating_status"]) == ("ACTIVE", "ONLINE")
        assert (made["vip_subnet_id"], made["vip_address"]) == (VIPS.id, "127.9.0.99")
        assert lb.shown("create", vip_network_id=NETWORK_ID, project="demo")["project_id"] == "demo"

        listener = lb.shown(
            "listener", "create", "lb1", "--wait", name="web", protocol="HTTP", protocol_port="80", connection_limit="9"
        )
        assert (listener["protocol_port"], listener["connection_limit"]) == (80, 9)
        pool = lb.shown("pool", "create", name="pool", listener="web", protocol="HTTP", lb_algorithm="ROUND_ROBIN")
        lb.do("healthmonitor", "create", "pool", name="hm", type="HTTP", delay="5", timeout="3", max_retries="2")
        member = lb.shown(
            "member",
            "create",
            "pool",
            "--wait",
            name="one",
            address="10.1.0.9",
            protocol_port="80",
            subnet_id="members",
            tag="blue",
        )
        assert (member["operating_status"], member["tags"]) == ("ONLINE", ["blue"])
        lb.do("member", "set", "pool", "one", weight="7")
        assert lb.shown("member", "show", "pool", "one")["weight"] == 7
        lb.do("l7policy", "create", "web", name="go", action="REDIRECT_TO_URL", redirect_url="http://x.example/")
        lb.do("l7rule", "create", "go", type="PATH", compare_type="STARTS_WITH", value="/old")
        assert [each["value"] for each in lb.shown("l7rule", "list", "go")] == ["/old"]

        tree = json.loads(lb.do("status", "show", "lb1"))["loadbalancer"]
        assert tree["listeners"][0]["pools"][0]["members"][0]["name"] == "one"
        assert lb.shown("stats", "show", "lb1")["total_connections"] == 0
        assert [each["name"] for each in lb.shown("member", "list", "pool", tags="blue")] == ["one"]
        assert [each["name"] for each in lb.shown("provider", "list")] == ["memory"]
        lb.do("failover", "lb1", "--wait")
        lb.do("set", "lb1", name="renamed", description="d")
        lb.do("listener", "unset", "web", "--connection-limit")
        assert lb.shown("listener", "show", "web")["connection_limit"] == -1

        assert "it has children (HTTP 400)" in lb.refused("delete", "renamed")
        assert "Unable to locate nowhere in subnets" in lb.refused("create", "--vip-subnet-id", "nowhere")
        wrong = lb.refused("member", "create", pool["id"], "--address", "192.0.2.1", "--protocol-port", "80")
        assert "Members must lie in a subnet that is declared for members" in wrong
        lb.do("delete", "renamed", "--cascade", "--wait")
        assert [each["project_id"] for each in lb.shown("list")] == ["demo"]


@pytest.fixture
def on_haproxy(sqlite_database: Database, tmp_path: Path) -> Iterator[str]:
    """The API with HAProxy processes behind it."""
    bascule = Bascule(sqlite_database, tmp_path / "certificates", lambda _device: HAProxyBackend(tmp_path, binary("wheel")))
    with serving(bascule) as url:
        yield url
    for load_balancer in Reader(sqlite_database).many(Kind.LOAD_BALANCER, Query()):
        bascule.writer.delete(load_balancer.row.id, cascade=True, origin=ORIGIN)
    bascule.settle()
    assert not list((tmp_path / "haproxy").glob("*/current"))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_openstack_command_of_operators(on_haproxy: str, tmp_path: Path) -> None:
    with command(on_haproxy, tmp_path) as lb:
        assert set(lb.shown("quota", "defaults", "show").values()) == {-1}
        assert lb.shown("quota", "set", "demo", loadbalancer="0", member="7")["member"] == 7
        assert [(each["project_id"], each["load_balancer"]) for each in lb.shown("quota", "list")] == [("demo", 0)]
        refused = lb.refused("create", "--vip-subnet-id", "vips", "--project", "demo")
        assert "Quota has been met for resources: Load Balancer (HTTP 403)" in refused
        lb.do("quota", "unset", "demo", "--loadbalancer")
        lb.do("quota", "reset", "demo")
        assert set(lb.shown("quota", "show", "demo").values()) == {-1}

        capabilities = lb.shown("provider", "capability", "list", "haproxy")
        assert [(each["type"], each["name"]) for each in capabilities] == [("flavor", "max_connections"), ("flavor", "threads")]
        lb.do("flavorprofile", "create", name="p", provider="haproxy", flavor_data='{"max_connections": 321}')
        lb.do("flavorprofile", "set", "p", name="few")
        assert "max_connections" in lb.shown("flavorprofile", "show", "few")["flavor_data"]
        lb.do("flavor", "create", name="small", flavorprofile="few", description="d")
        lb.do("flavor", "set", "small", "--enable")
        lb.do("flavor", "unset", "small", "--description")
        assert [(each["name"], each["enabled"]) for each in lb.shown("flavor", "list")] == [("small", True)]
        data = '{"compute_zone": "a"}'
        refused = lb.refused(
            "availabilityzoneprofile", "create", "--name", "a", "--provider", "haproxy", "--availability-zone-data", data
        )
        assert "it has no availability zones. (HTTP 501)" in refused
        assert lb.shown("availabilityzoneprofile", "list") == lb.shown("availabilityzone", "list") == []

        made = lb.shown("create", "--wait", name="lb1", vip_subnet_id="vips", vip_address="127.9.7.7", flavor="small")
        lb.do("listener", "create", "lb1", "--wait", name="web", protocol="HTTP", protocol_port=str(free_port("127.9.7.7")))
        ((amphora,), (text,)) = lb.shown("amphora", "list", loadbalancer="lb1"), configurations(tmp_path)
        assert (amphora["loadbalancer_id"], amphora["status"], amphora["role"]) == (made["id"], "ALLOCATED", "STANDALONE")
        assert "maxconn 321" in text
        assert lb.shown("amphora", "show", amphora["id"])["ha_ip"] == "127.9.7.7"
        assert lb.shown("amphora", "stats", "show", amphora["id"], "--listener", "web")["total_connections"] == 0
        lb.do("amphora", "configure", amphora["id"])
        lb.do("amphora", "failover", amphora["id"], "--wait")
        assert "is immutable and cannot be updated. (HTTP 409)" in lb.refused("amphora", "delete", amphora["id"])
        assert "is in use and cannot be modified. (HTTP 409)" in lb.refused("flavor", "delete", "small")
        lb.do("delete", "lb1", "--cascade", "--wait")
        assert lb.shown("amphora", "list") == []
        lb.do("flavor", "delete", "small")
        lb.do("flavorprofile", "delete", "few")


@pytest.mark.slow
def test_the_openstack_command_with_availability_zones(sqlite_database: Database, tmp_path: Path) -> None:
    lanes = (LaneSpec("memory:e", availability_zone="east"), LaneSpec("memory:w", availability_zone="west"))
    bascule = Bascule(sqlite_database, tmp_path, lambda device: MemoryBackend(device, lanes=lanes))
    with serving(bascule) as url, command(url, tmp_path) as lb:
        lb.do("availabilityzoneprofile", "create", name="e", provider="memory", availability_zone_data='{"compute_zone": "east"}')
        lb.do("availabilityzoneprofile", "set", "e", name="right")
        assert [each["name"] for each in lb.shown("availabilityzoneprofile", "list")] == ["right"]
        lb.do("availabilityzone", "create", name="az1", availabilityzoneprofile="right")
        lb.do("availabilityzone", "set", "az1", description="d")
        lb.do("availabilityzone", "unset", "az1", "--description")
        assert [each["name"] for each in lb.shown("availabilityzone", "list")] == ["az1"]
        assert lb.shown("create", "--wait", name="lb1", vip_subnet_id="vips", availability_zone="az1")["availability_zone"] == "az1"
        assert "is in use and cannot be modified. (HTTP 409)" in lb.refused("availabilityzone", "delete", "az1")
        lb.do("delete", "lb1", "--wait")
        lb.do("availabilityzone", "delete", "az1")
        lb.do("availabilityzoneprofile", "delete", "right")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning", "ignore::DeprecationWarning")  # of its own parts
def test_openstacksdk(url: str) -> None:
    with openstack.connect(auth_type="none", endpoint=url) as connection:
        service = connection.load_balancer
        subnet = connection.network.find_subnet("vips")
        made = service.create_load_balancer(name="lb1", vip_subnet_id=subnet.id)
        made = service.wait_for_load_balancer(made.id, interval=0.1)
        assert (made.provisioning_status, made.operating_status) == ("ACTIVE", "ONLINE")
        listener = service.create_listener(load_balancer_id=made.id, protocol="HTTP", protocol_port=80, name="web")
        pool = service.create_pool(listener_id=listener.id, protocol="HTTP", lb_algorithm="ROUND_ROBIN")
        monitor = service.create_health_monitor(pool_id=pool.id, type="HTTP", delay=5, timeout=3, max_retries=2)
        member = service.create_member(pool, address="10.1.0.5", protocol_port=80)
        assert service.update_member(member, pool, weight=5).weight == 5
        assert service.get_pool(pool).health_monitor_id == monitor.id
        policy = service.create_l7_policy(listener_id=listener.id, action="REJECT")
        service.create_l7_rule(policy, type="PATH", compare_type="STARTS_WITH", value="/private")
        assert [each.rule_value for each in service.l7_rules(policy)] == ["/private"]
        assert [each.id for each in service.listeners(load_balancer_id=made.id)] == [listener.id]
        assert service.find_load_balancer("lb1").id == made.id
        assert service.find_listener("web").id == listener.id
        assert [each.id for each in service.load_balancers(name="lb1", limit=1)] == [made.id]
        assert service.get_load_balancer_statistics(made.id).total_connections == 0
        service.failover_load_balancer(made.id)
        service.wait_for_load_balancer(made.id, interval=0.1)
        with pytest.raises(openstack.exceptions.BadRequestException, match="it has children"):
            service.delete_load_balancer(made)
        service.delete_load_balancer(made, cascade=True)
        with pytest.raises(openstack.exceptions.NotFoundException):
            service.wait_for_load_balancer(made.id, status="DELETED", interval=0.1)
