"""What one project learns of another, in lists and by naming its objects: nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.bascule import NOWHERE, VIPS, Bascule, Client
from tests.identity.users import OTHER, OURS, client

pytestmark = pytest.mark.slow


@pytest.fixture
def member(bascule: Bascule) -> Client:
    return client(bascule, "member")


@pytest.fixture
def other(bascule: Bascule) -> Client:
    return client(bascule, "other")


@pytest.fixture
def admin(bascule: Bascule) -> Client:
    return client(bascule, "admin")


def names(client: Client, path: str, **query: Any) -> list[str]:
    (found,) = (value for name, value in client.get(path, **query).body.items() if not name.endswith("_links"))
    return [each["name"] for each in found]


def test_lists_show_the_project_of_the_caller_and_administrators_all(member: Client, other: Client, admin: Client) -> None:
    for client_, name in ((member, "ours"), (other, "theirs")):
        load_balancer = client_.load_balancer(name=name)
        listener = client_.listener(load_balancer["id"], name=name)
        pool = client_.pool(listener_id=listener["id"], name=name)
        client_.health_monitor(pool["id"], name=name)
        client_.l7policy(listener["id"], name=name)
    for path in ("/loadbalancers", "/listeners", "/pools", "/healthmonitors", "/l7policies"):
        assert names(member, path) == names(member, path, project_id=OURS) == ["ours"]
        assert names(other, path) == ["theirs"]
        assert names(admin, path) == ["ours", "theirs"]
        assert names(admin, path, project_id=OTHER) == ["theirs"]
        assert member.get(path, project_id=OTHER).fault == "Policy does not allow this request to be performed."
        assert member.get(path, project_id=[OURS, OTHER]).status == 400
        assert names(member, path, name="theirs") == []


def test_who_has_several_projects_says_which(bascule: Bascule, member: Client) -> None:
    member.load_balancer(name="ours")
    there = client(bascule, "member", **{"X-Project-Id": OTHER})
    assert names(there, "/loadbalancers") == []
    assert there.post("/loadbalancers", {"loadbalancer": {"vip_subnet_id": VIPS.id}}).status == 403, "only a reader there"
    nowhere = client(bascule, "member", **{"X-Project-Id": "a" * 32}).get("/loadbalancers")
    assert (nowhere.status, nowhere.body["error"]["code"]) == (403, 403)


def test_load_balancers_are_made_for_others_by_administrators_alone(member: Client, admin: Client) -> None:
    assert member.load_balancer()["project_id"] == OURS
    for name in ("project_id", "tenant_id"):
        body = {"loadbalancer": {"vip_subnet_id": VIPS.id, name: OTHER}}
        assert member.post("/loadbalancers", body).status == 403
        assert admin.post("/loadbalancers", body).body["loadbalancer"]["project_id"] == OTHER


def test_what_was_made_for_others_is_theirs(member: Client, other: Client, admin: Client) -> None:
    made = admin.load_balancer(project_id=OTHER)
    assert other.get(f"/loadbalancers/{made['id']}").status == 200
    assert member.get(f"/loadbalancers/{made['id']}").status == 404
    assert admin.listener(made["id"])["project_id"] == OTHER


def test_objects_of_others_cannot_be_referred_to(member: Client, other: Client) -> None:
    """Each answer is that for an object that is not there."""
    theirs = other.load_balancer()
    their_listener = other.listener(theirs["id"])
    their_pool = other.pool(loadbalancer_id=theirs["id"])
    ours = member.load_balancer()
    listener = member.listener(ours["id"])
    pool = member.pool(loadbalancer_id=ours["id"])
    policy = member.l7policy(listener["id"])

    def body(root: str, **attributes: Any) -> dict[str, Any]:
        return {root: attributes}

    http = {"protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN"}
    monitor = {"type": "TCP", "delay": 5, "timeout": 3, "max_retries": 2}
    redirect = {"action": "REDIRECT_TO_POOL"}
    requests = [
        ("PUT", f"/listeners/{listener['id']}", "listener", {}, "default_pool_id", their_pool),
        ("POST", "/listeners", "listener", {"protocol": "HTTP", "protocol_port": 81}, "loadbalancer_id", theirs),
        (
            "POST",
            "/listeners",
            "listener",
            {"protocol": "HTTP", "protocol_port": 81, "loadbalancer_id": ours["id"]},
            "default_pool_id",
            their_pool,
        ),
        ("POST", "/pools", "pool", http, "loadbalancer_id", theirs),
        ("POST", "/pools", "pool", http, "listener_id", their_listener),
        ("POST", "/pools", "pool", http | {"listener_id": listener["id"]}, "loadbalancer_id", theirs),
        ("POST", "/healthmonitors", "healthmonitor", monitor, "pool_id", their_pool),
        ("POST", "/l7policies", "l7policy", {"action": "REJECT"}, "listener_id", their_listener),
        ("POST", "/l7policies", "l7policy", redirect | {"listener_id": listener["id"]}, "redirect_pool_id", their_pool),
        ("PUT", f"/l7policies/{policy['id']}", "l7policy", redirect, "redirect_pool_id", their_pool),
    ]
    for method, path, root, attributes, reference, named in requests:
        there = member.send(method, path, body(root, **attributes, **{reference: named["id"]}))
        missing = member.send(method, path, body(root, **attributes, **{reference: NOWHERE}))
        assert 400 <= there.status < 500, (method, path, reference)
        assert (there.status, there.fault) == (missing.status, missing.fault.replace(NOWHERE, named["id"])), (path, reference)
    assert member.get(f"/pools/{pool['id']}").body["pool"]["listeners"] == []


def test_certificates_of_others_cannot_be_used_by_anybody(bascule: Bascule, member: Client, admin: Client) -> None:
    theirs = bascule.add_certificate("theirs.pem", OTHER)
    bascule.add_certificate("ours.pem", OURS)
    ours = member.load_balancer()

    def asked(by: Client, ref: str, port: int) -> Any:
        listener = {"loadbalancer_id": ours["id"], "protocol": "TERMINATED_HTTPS", "protocol_port": port}
        return by.post("/listeners", {"listener": listener | {"default_tls_container_ref": ref}})

    there, missing = asked(member, theirs, 443), asked(member, "missing.pem", 443)
    assert (there.status, there.fault) == (400, missing.fault.replace("missing.pem", theirs))
    assert asked(member, f"../{OTHER}/{theirs}", 443).status == 400
    assert asked(admin, theirs, 443).status == 400, "whoever asks, it would be used by the load balancer's project"
    assert [asked(member, "ours.pem", 443).status, asked(admin, "ours.pem", 444).status] == [201, 201]


def test_markers_of_others_are_no_markers(member: Client, other: Client, admin: Client) -> None:
    theirs, ours = other.load_balancer(), member.load_balancer()
    answer = member.get("/loadbalancers", marker=theirs["id"])
    missing = member.get("/loadbalancers", marker=NOWHERE)
    assert (answer.status, answer.fault) == (400, missing.fault.replace(NOWHERE, theirs["id"]))
    assert member.get("/loadbalancers", marker=ours["id"]).status == admin.get("/loadbalancers", marker=ours["id"]).status == 200
    their_pool, our_pool = other.pool(loadbalancer_id=theirs["id"]), member.pool(loadbalancer_id=ours["id"])
    their_member = other.member(their_pool["id"])
    assert member.get(f"/pools/{our_pool['id']}/members", marker=their_member["id"]).status == 400


def test_what_is_being_deleted_is_of_others_still(bascule: Bascule, member: Client, other: Client) -> None:
    ours = member.load_balancer()
    assert member.delete(f"/loadbalancers/{ours['id']}").status == 204
    assert member.put(f"/loadbalancers/{ours['id']}", {"loadbalancer": {"name": "x"}}).status == 409
    answer = other.put(f"/loadbalancers/{ours['id']}", {"loadbalancer": {"name": "x"}})
    assert (answer.status, answer.fault) == (404, f"Load Balancer {ours['id']} not found.")
