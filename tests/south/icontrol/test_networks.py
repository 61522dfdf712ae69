"""Networks on devices: what is made, in which order, and what is left alone."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from bascule.model.backend import Done, Fence, Fenced, Lost, Rejected, Retry, Wait
from bascule.model.definition import SelfIP
from bascule.south.icontrol import Networks
from tests.south.icontrol.site import KINDS, LANE, Site, unit

pytestmark = pytest.mark.slow

VLAN, DOMAIN = "net/vlan/Common/bascule-101", "net/route-domain/Common/bascule-101"
SELF = "net/self/Common/bascule-subnet-1"
DEFAULT, SUBNET = "net/route/Common/bascule-net-1-ipv4", "net/route/Common/bascule-members-1"


def all_done(outcomes: object) -> bool:
    assert isinstance(outcomes, dict)
    return bool(outcomes) and all(isinstance(outcome, Done) for outcome in outcomes.values())


def test_a_network_is_made_as_it_is_wanted(one: Site) -> None:
    assert all_done(one.make(one.network()))
    held = one.held()
    assert held.keys() == {VLAN, DOMAIN, SELF, DEFAULT, SUBNET}
    assert (held[VLAN]["tag"], held[VLAN]["mtu"]) == (101, 1500)
    assert [(each["name"], each["tagged"]) for each in held[VLAN]["interfacesReference"]["items"]] == [("1.1", True)]
    assert (held[DOMAIN]["id"], held[DOMAIN]["vlans"]) == (101, ["/Common/bascule-101"])
    assert (held[SELF]["address"], held[SELF]["vlan"]) == ("10.1.0.11%101/24", "/Common/bascule-101")
    assert (held[DEFAULT]["network"], held[DEFAULT]["gw"]) == ("default%101", "10.1.0.1%101")
    assert (held[SUBNET]["network"], held[SUBNET]["tmInterface"]) == ("10.1.1.0%101/24", "/Common/bascule-101")
    assert {body["description"] for body in held.values()} == {f"bascule here {unit(one.network())} e1 f1"}


def test_what_is_there_is_not_written_again_and_its_removal_leaves_nothing(one: Site) -> None:
    one.make(one.network(1), one.network(2))
    before = one.changes()
    assert all_done(one.make(one.network(1), one.network(2), fence=Fence(1, 2, "here")))
    assert one.changes() == before
    assert all_done(one.remove(one.network(1)))
    assert {body["description"] for body in one.held().values()} == {f"bascule here {unit(one.network(2))} e1 f1"}
    assert len(one.held()) == 5
    assert all_done(one.remove(one.network(2)))
    assert one.held() == {}
    assert all_done(one.remove(one.network(2)))


def test_in_the_route_domain_of_the_device_there_is_neither_a_domain_nor_a_default_route(one: Site) -> None:
    assert all_done(one.make(one.network(route_domain=0)))
    held = one.held()
    assert held.keys() == {VLAN, SELF, SUBNET}
    assert (held[SELF]["address"], held[SUBNET]["network"]) == ("10.1.0.11/24", "10.1.1.0/24")


def test_where_traffic_is_routed_nothing_is_made(one: Site) -> None:
    assert one.plans(one.network(vlan=None))[0].steps == ()


def test_changes_of_what_can_be_changed_cost_nothing_else(one: Site) -> None:
    one.make(one.network())
    before = one.held()
    assert all_done(one.make(one.network(mtu=9000, interface="2.1")))
    after = one.held()
    assert after[VLAN]["mtu"] == 9000
    assert [each["name"] for each in after[VLAN]["interfacesReference"]["items"]] == ["2.1"]
    assert {**after, VLAN: {}} == {**before, VLAN: {}}


@pytest.mark.parametrize(
    "change",
    [
        {"vlan": 500},
        {"route_domain": 500},
        {"route_domain": 0},
        {"self_ips": ()},
    ],
    ids=str,
)
def test_changes_of_what_cannot_be_changed_make_it_anew(one: Site, change: dict[str, object]) -> None:
    one.make(one.network())
    wanted = one.network(**change)
    assert all_done(one.make(wanted))
    changed = one.held()
    one.remove(wanted)
    assert one.held() == {}
    one.make(wanted)
    assert _essence(one.held()) == _essence(changed)


def test_self_ips_move_and_subnets_get_one_or_lose_it(one: Site) -> None:
    network = one.network()
    one.make(network)
    moved = (SelfIP(one.names[0], "subnet-1", "10.1.0.99"), SelfIP(one.names[0], "members-1", "10.1.1.11"))
    assert all_done(one.make(dataclasses.replace(network, self_ips=moved)))
    held = one.held()
    assert held[SELF]["address"] == "10.1.0.99%101/24"
    assert held["net/self/Common/bascule-members-1"]["address"] == "10.1.1.11%101/24"
    assert SUBNET not in held
    assert all_done(one.make(network))
    assert held.keys() - one.held().keys() == {"net/self/Common/bascule-members-1"}


def test_foreign_objects_are_left_alone(one: Site) -> None:
    box = one.boxes[0]
    box.ask("POST", "/mgmt/tm/net/vlan", {"name": "operators", "tag": 7, "description": "bascule is not welcome"})
    box.ask("POST", "/mgmt/tm/net/self", {"name": "operators", "address": "192.0.2.1/24", "vlan": "/Common/operators"})
    box.ask("POST", "/mgmt/tm/net/route", {"name": "operators", "network": "default", "gw": "192.0.2.254"})
    before = one.held()
    assert len(before) == 3
    one.make(one.network())
    one.remove(one.network())
    assert one.held() == before


def test_where_somebody_elses_object_is_nothing_is_touched(one: Site) -> None:
    box = one.boxes[0]
    box.ask("POST", "/mgmt/tm/net/vlan", {"name": "bascule-101", "tag": 101, "description": "not ours"})
    before = one.held()
    (outcome,) = one.make(one.network()).values()
    assert isinstance(outcome, Rejected)
    assert "VLAN" in outcome.reason
    assert one.held() == before
    one.remove(one.network())
    assert one.held() == before


def test_what_another_installation_has_is_its_own(one: Site) -> None:
    one.make(one.network(), fence=Fence(1, 9, "elsewhere"))
    before = one.held()
    assert {body["description"] for body in before.values()} == {f"bascule elsewhere {unit(one.network())} e1 f9"}
    (outcome,) = one.make(one.network(mtu=9000)).values()
    assert isinstance(outcome, Rejected)
    assert outcome.reason == "Somebody else's VLAN is where that of the network belongs."
    assert all_done(one.remove(one.network()))
    assert one.held() == before


def test_a_tag_in_use_is_told(one: Site) -> None:
    one.boxes[0].ask("POST", "/mgmt/tm/net/vlan", {"name": "operators", "tag": 101})
    outcomes = one.make(one.network(1), one.network(2))
    refused, fine = (outcomes[unit(one.network(number)), one.names[0]] for number in (1, 2))
    assert isinstance(refused, Rejected)
    assert "in use" in refused.operator_text
    assert "operators" not in refused.reason
    assert isinstance(fine, Done)


def test_vlans_of_others_stay_in_a_route_domain_of_ours(one: Site) -> None:
    box = one.boxes[0]
    one.make(one.network())
    box.ask("POST", "/mgmt/tm/net/vlan", {"name": "guest", "tag": 7})
    box.ask("PATCH", "/mgmt/tm/net/route-domain/~Common~bascule-101", {"vlans": ["/Common/guest", "/Common/bascule-101"]})
    assert all_done(one.make(one.network()))
    assert one.held()[DOMAIN]["vlans"] == ["/Common/guest", "/Common/bascule-101"]
    box.ask("DELETE", "/mgmt/tm/net/route/~Common~bascule-members-1")
    for path in ("route/~Common~bascule-net-1-ipv4", "self/~Common~bascule-subnet-1"):
        box.ask("DELETE", f"/mgmt/tm/net/{path}")
    box.ask("PATCH", "/mgmt/tm/net/route-domain/~Common~bascule-101", {"vlans": ["/Common/guest"]})
    assert all_done(one.make(one.network()))
    assert one.held()[DOMAIN]["vlans"] == ["/Common/guest", "/Common/bascule-101"]
    (outcome,) = one.remove(one.network()).values()
    assert isinstance(outcome, Retry)
    assert "not ours" in outcome.operator_text
    assert one.held()[DOMAIN]["vlans"] == ["/Common/guest", "/Common/bascule-101"]


def test_an_owner_that_is_not_the_latest_writes_nothing(one: Site) -> None:
    one.make(one.network(1), fence=Fence(1, 5, "here"))
    before = one.held()
    with pytest.raises(Fenced):
        one.make(one.network(2), fence=Fence(1, 4, "here"))
    with pytest.raises(Fenced):
        one.remove(one.network(1), fence=Fence(1, 4, "here"))
    assert one.held() == before


def test_whoever_was_stopped_between_two_writes_does_not_go_on(one: Site) -> None:
    """By then another one may be the owner, of whom what was read does not tell."""
    moments = [0.0, 0.0, 1.0]
    one.networks = Networks({LANE: dict(zip(one.names, one.devices, strict=True))}, lambda: moments.pop(0) if moments else 60.0)
    (outcome,) = one.make(one.network()).values()
    assert isinstance(outcome, Wait)
    assert one.held().keys() == {VLAN, DOMAIN}
    for work, left in ((one.make, 5), (one.remove, 0)):
        moments += [70.0] * 20
        assert all_done(work(one.network()))
        assert len(one.held()) == left
        moments.clear()


@pytest.mark.parametrize("fault", ["reset-before", "reset-after"])
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_write_breaks_off_the_next_pass_ends_it(one: Site, kind: str, fault: str) -> None:
    for work, method, left in ((one.make, "POST", 5), (one.remove, "DELETE", 0)):
        one.boxes[0].fault(fault, method=method, path=f"/{kind}(/|$)", times=1)
        (outcome,) = work(one.network()).values()
        assert isinstance(outcome, Retry)
        (outcome,) = work(one.network()).values()
        assert isinstance(outcome, Done)
        assert len(one.held()) == left


def test_each_device_of_a_pair_has_self_ips_of_its_own(two: Site) -> None:
    # What one device sends to the other may be a little old, and undo what that was just told. Then the next look makes it again.
    both = {VLAN, DOMAIN, SELF, DEFAULT, SUBNET}
    two.boxes[0].until(lambda: all_done(two.make(two.network())) and two.held(0).keys() == two.held(1).keys() == both)
    here, there = two.held(0), two.held(1)
    assert (here[SELF]["address"], there[SELF]["address"]) == ("10.1.0.11%101/24", "10.1.0.12%101/24")
    two.boxes[0].until(lambda: all_done(two.remove(two.network())) and two.held(0) == two.held(1) == {})


def test_one_device_goes_on_while_the_other_is_away(two: Site) -> None:
    two.boxes[1].fault("reset-before", path="/mgmt/tm/net/", times=None)
    outcomes = two.make(two.network())
    first, second = (outcomes[unit(two.network()), name] for name in two.names)
    assert isinstance(first, Done)
    assert isinstance(second, Lost)
    assert len(two.held(0)) == 5


def test_a_device_that_is_not_in_the_configuration_any_more_keeps_nobody_waiting(one: Site) -> None:
    plans = one.plans(one.network())
    (outcome,) = one.networks.apply("f5:other", Fence(1, 1), plans).values()
    assert isinstance(outcome, Lost)
    (outcome,) = one.networks.apply("f5:other", Fence(1, 1), [dataclasses.replace(plans[0], target={})]).values()
    assert isinstance(outcome, Done)


def _essence(value: Any) -> Any:
    """What is held, without how often it was changed."""
    if isinstance(value, dict):
        return {name: _essence(each) for name, each in value.items() if name != "generation"}
    return [_essence(each) for each in value] if isinstance(value, list) else value
