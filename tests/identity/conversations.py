"""What programs of OpenStack can ask for, all of it: each command, and each method, at least once."""

from __future__ import annotations

from typing import Any

from bascule.model.status import CarrierState
from bascule.store.tables import carrier
from tests.api.bascule import VIPS, Bascule
from tests.openstack_command import Command

_CREATES = {
    "listener": {"protocol": "HTTP", "protocol_port": "80"},
    "pool": {"protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN"},
    "healthmonitor": {"type": "HTTP", "delay": "5", "timeout": "3", "max_retries": "2"},
    "member": {"address": "10.1.0.9", "protocol_port": "80"},
    "l7policy": {"action": "REDIRECT_TO_URL", "redirect_url": "http://x.example/"},
    "l7rule": {"type": "HEADER", "key": "X-A", "compare_type": "EQUAL_TO", "value": "1"},
}
"""What each object is created with."""


def of_a_project(lb: Command) -> None:
    """What members of a project may do: everything with load balancers and what is below them."""
    lb.do("create", "--wait", name="lb", vip_subnet_id="vips", description="d")
    lb.do("set", "lb", "--disable", "--tag", "a")
    lb.do("unset", "lb", "--description", "--all-tag")
    assert (shown := lb.shown("show", "lb"))["admin_state_up"] is False
    assert (shown["description"], shown["tags"]) == ("", [])
    lb.do("listener", "create", "lb", name="web", **_CREATES["listener"])
    lb.do("pool", "create", name="pool", listener="web", **_CREATES["pool"])
    lb.do("healthmonitor", "create", "pool", name="hm", **_CREATES["healthmonitor"])
    lb.do("member", "create", "pool", name="one", **_CREATES["member"])
    lb.do("l7policy", "create", "web", name="go", **_CREATES["l7policy"])
    rule = lb.shown("l7rule", "create", "go", **_CREATES["l7rule"])["id"]
    assert lb.shown("member", "show", "pool", "one")["project_id"] == shown["project_id"]
    _changed(lb, rule)
    assert lb.shown("listener", "stats", "show", "web") == lb.shown("stats", "show", "lb")
    assert '"name": "one"' in lb.do("status", "show", "lb")
    assert [each["name"] for each in lb.shown("provider", "list")] == ["memory"]
    lb.do("l7rule", "delete", "go", rule)
    lb.do("l7policy", "delete", "go")
    lb.do("member", "delete", "pool", "one")
    lb.do("healthmonitor", "delete", "hm")
    lb.do("pool", "delete", "pool")
    lb.do("listener", "delete", "web", "--wait")
    lb.do("delete", "lb", "--wait")
    assert lb.shown("list") == []


def _changed(lb: Command, rule: str) -> None:
    """Set something of each object, take it back, and look at it both by itself and in a list."""
    for what, attribute, value, default in (
        (("listener", "web"), "connection_limit", 9, -1),
        (("pool", "pool"), "description", "d", ""),
        (("healthmonitor", "hm"), "url_path", "/up", "/"),
        (("member", "pool", "one"), "weight", 7, 1),
        (("l7policy", "go"), "redirect_http_code", 307, 302),
        (("l7rule", "go", rule), "invert", True, False),
    ):
        kind, option = what[0], f"--{attribute.replace('_', '-')}"
        lb.do(kind, "set", *what[1:], option, *([] if value is True else [str(value)]))
        assert (found := lb.shown(kind, "show", *what[1:]))[attribute] == value, found
        lb.do(kind, "unset", *what[1:], option)
        found = lb.shown(kind, "show", *what[1:])
        assert found[attribute] == default, found
        assert [each["id"] for each in lb.shown(kind, "list", *what[1:-1])] == [found["id"]]


def of_operators(lb: Command) -> None:
    """What administrators may do that belongs to no load balancer."""
    assert set(lb.shown("quota", "defaults", "show").values()) == {-1}
    assert lb.shown("quota", "set", "ours", loadbalancer="9", member="7")["member"] == 7
    assert [each["load_balancer"] for each in lb.shown("quota", "list")] == [9]
    lb.do("quota", "unset", "ours", "--loadbalancer")
    assert lb.shown("quota", "show", "ours")["load_balancer"] == -1
    lb.do("quota", "reset", "ours")
    assert lb.shown("quota", "list") == []
    kinds = {each["type"] for each in lb.shown("provider", "capability", "list", "memory")}
    assert kinds == {"flavor", "availability_zone"}
    for kind, data in (("flavor", '{"size": 3}'), ("availabilityzone", '{"compute_zone": "east"}')):
        profile = f"{kind}profile"
        option = {"flavor_data" if kind == "flavor" else "availability_zone_data": data}
        lb.do(profile, "create", name="first", provider="memory", **option)
        lb.do(profile, "set", "first", name="second")
        assert lb.shown(profile, "show", "second")["provider_name"] == "memory"
        assert [each["name"] for each in lb.shown(profile, "list")] == ["second"]
        lb.do(kind, "create", "--name", "one", f"--{profile}", "second", "--description", "d")
        lb.do(kind, "set", "one", "--disable")
        lb.do(kind, "unset", "one", "--description")
        assert (found := lb.shown(kind, "show", "one"))["enabled"] is False
        assert found["description"] == ""
        assert [each["name"] for each in lb.shown(kind, "list")] == ["one"]
        lb.do(kind, "delete", "one")
        lb.do(profile, "delete", "second")


def of_amphorae(admin: Command, member: Command, bascule: Bascule) -> None:
    """What administrators may do with what carries load balancers of others."""
    made = member.shown("create", "--wait", name="carried", vip_subnet_id="vips")["id"]
    member.do("listener", "create", made, "--wait", protocol="HTTP", protocol_port="80")
    admin.do("failover", made, "--wait")
    (found,) = admin.shown("amphora", "list", loadbalancer=made)
    amphora = found["id"]
    assert admin.shown("amphora", "show", amphora)["loadbalancer_id"] == made
    assert admin.shown("amphora", "stats", "show", amphora)["total_connections"] == 0
    admin.do("amphora", "configure", amphora)
    admin.do("amphora", "failover", amphora, "--wait")
    (found,) = admin.shown("amphora", "list", loadbalancer=made)
    bascule.database.write(
        lambda conn: conn.execute(carrier.update().where(carrier.c.id == found["id"]).values(state=str(CarrierState.LOST)))
    )
    admin.do("amphora", "delete", found["id"])


class Noted:
    """Openstacksdk's proxy. Which of its methods were called stands in a set."""

    def __init__(self, proxy: Any, called: set[str]) -> None:
        self._proxy = proxy
        self._called = called

    def __getattr__(self, name: str) -> Any:
        self._called.add(name)
        return getattr(self._proxy, name)


def of_a_program(service: Any) -> None:
    """What a program may do for members of a project."""
    made = service.create_load_balancer(name="lb", vip_subnet_id=VIPS.id)
    made = service.wait_for_load_balancer(made.id, interval=0.1)
    assert service.get_load_balancer_statistics(made.id).total_connections == 0
    listener = service.create_listener(load_balancer_id=made.id, protocol="HTTP", protocol_port=80, name="web")
    assert service.get_listener_statistics(listener.id).total_connections == 0
    pool = service.create_pool(listener_id=listener.id, protocol="HTTP", lb_algorithm="ROUND_ROBIN", name="pool")
    monitor = service.create_health_monitor(pool_id=pool.id, type="HTTP", delay=5, timeout=3, max_retries=2, name="hm")
    member = service.create_member(pool, address="10.1.0.5", protocol_port=80, name="one")
    policy = service.create_l7_policy(listener_id=listener.id, action="REJECT", name="go")
    rule = service.create_l7_rule(policy, type="PATH", compare_type="STARTS_WITH", value="/private")
    for name, each, many, owner in (
        ("load_balancer", made, "load_balancers", ()),
        ("listener", listener, "listeners", ()),
        ("pool", pool, "pools", ()),
        ("health_monitor", monitor, "health_monitors", ()),
        ("member", member, "members", (pool,)),
        ("l7_policy", policy, "l7_policies", ()),
    ):
        changed = getattr(service, f"update_{name}")(each, *owner, name=f"new {name}")
        assert changed.name == getattr(service, f"get_{name}")(each.id, *owner).name == f"new {name}"
        assert getattr(service, f"find_{name}")(f"new {name}", *owner).id == each.id
        assert [one.id for one in getattr(service, many)(*owner, name=f"new {name}")] == [each.id]
    assert service.update_l7_rule(rule, policy, rule_value="/new").rule_value == "/new"
    assert service.get_l7_rule(rule.id, policy).id == service.find_l7_rule(rule.id, policy).id == rule.id
    assert [each.id for each in service.l7_rules(policy)] == [rule.id]
    assert [each.name for each in service.providers()] == ["memory"]
    service.wait_for_status(service.get_load_balancer(made.id), "ACTIVE", interval=0.1, attribute="provisioning_status")
    service.delete_l7_rule(rule, policy)
    service.delete_l7_policy(policy)
    service.delete_member(member, pool)
    service.delete_health_monitor(monitor)
    service.delete_pool(pool)
    service.delete_listener(listener)
    service.wait_for_load_balancer(made.id, interval=0.1)
    service.delete_load_balancer(made)
    service.wait_for_delete(made, interval=0.1)


def of_an_operators_program(service: Any) -> None:
    """What a program may do for administrators."""
    assert service.get_quota_default().load_balancers == -1
    assert service.update_quota("ours", load_balancers=3).load_balancers == service.get_quota("ours").load_balancers == 3
    assert [each.load_balancers for each in service.quotas()] == [3]
    service.delete_quota("ours")
    assert [each.name for each in service.provider_flavor_capabilities("memory")] == ["size"]
    for kind, data in (("flavor", {"flavor_data": "{}"}), ("availability_zone", {"availability_zone_data": "{}"})):

        def ask(verb: str, *given: Any, kind: str = kind, **attributes: Any) -> Any:
            return getattr(service, f"{verb}_{kind}")(*given, **attributes)

        profile = getattr(service, f"create_{kind}_profile")(name="p", provider_name="memory", **data)
        assert getattr(service, f"update_{kind}_profile")(profile, name="q").name == "q"
        assert getattr(service, f"get_{kind}_profile")(profile.id).id == profile.id
        assert getattr(service, f"find_{kind}_profile")("q").id == profile.id
        assert [each.id for each in getattr(service, f"{kind}_profiles")()] == [profile.id]
        made = ask("create", name="one", **{f"{kind}_profile_id": profile.id})
        key = made.id or "one"  # availability zones have nothing but a name
        assert ask("update", key, description="d").description == "d"
        assert ask("get", key).name == ask("find", "one").name == "one"
        assert [each.name for each in getattr(service, f"{kind}s")()] == ["one"]
        ask("delete", key)
        getattr(service, f"delete_{kind}_profile")(profile)
    carried = service.create_load_balancer(name="carried", vip_subnet_id=VIPS.id)
    service.wait_for_load_balancer(carried.id, interval=0.1)
    service.failover_load_balancer(carried)
    service.wait_for_load_balancer(carried.id, interval=0.1)
    (amphora,) = service.amphorae(loadbalancer_id=carried.id)
    assert service.get_amphora(amphora.id).id == service.find_amphora(amphora.id).id
    service.configure_amphora(amphora)
    service.failover_amphora(amphora)
    service.wait_for_load_balancer(carried.id, interval=0.1)
