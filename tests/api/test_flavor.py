"""Conversations about flavors and their profiles. What availability zones have in common with them is tried here for both."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.bascule import NOWHERE, VIPS, Client

pytestmark = pytest.mark.slow


def profile(api: Client, data: str = '{"size": 7}', **attributes: Any) -> dict[str, Any]:
    given = {"name": "big", "provider_name": "memory", "flavor_data": data}
    return api.made("/flavorprofiles", "flavorprofile", **given | attributes)


def flavor(api: Client, **attributes: Any) -> dict[str, Any]:
    given = {"name": "gold"} | ({} if "flavor_profile_id" in attributes else {"flavor_profile_id": profile(api)["id"]})
    return api.made("/flavors", "flavor", **given | attributes)


def test_a_flavor_from_beginning_to_end(api: Client) -> None:
    made = profile(api)
    assert made == {"id": made["id"], "name": "big", "provider_name": "memory", "flavor_data": '{"size": 7}'}
    assert api.get(f"/flavorprofiles/{made['id']}").body == {"flavorprofile": made}
    assert api.get("/flavorprofiles").body == {"flavorprofiles": [made], "flavorprofile_links": []}
    gold = flavor(api, flavor_profile_id=made["id"], description="for many")
    assert gold == {
        "id": gold["id"],
        "name": "gold",
        "description": "for many",
        "enabled": True,
        "flavor_profile_id": made["id"],
    }
    silver = flavor(api, name="silver", flavor_profile_id=made["id"], enabled=False)
    assert silver["description"] == ""
    both = sorted((gold, silver), key=lambda each: each["id"])
    assert api.get("/flavors").body == {"flavors": both, "flavors_links": []}
    assert api.get("/flavors", enabled="false").body["flavors"] == [silver]
    assert api.get("/flavors", name="gold", fields="name").body["flavors"] == [{"name": "gold"}]
    page = api.get("/flavors", limit=1, sort="name:desc").body
    assert page["flavors"] == [silver]
    assert "rel" in page["flavors_links"][0]
    assert api.get("/flavors", sort="name:desc", marker=silver["id"]).body["flavors"] == [gold]
    back = api.get("/flavors", sort="name:desc", marker=gold["id"], page_reverse="True").body["flavors"]
    assert back == [silver]
    renamed = api.put(f"/flavors/{gold['id']}", {"flavor": {"name": "best", "enabled": False, "description": None}})
    assert (renamed.status, renamed.body["flavor"]) == (200, gold | {"name": "best", "enabled": False, "description": ""})
    assert api.get(f"/flavors/{gold['id']}").body == renamed.body
    for each in (gold, silver):
        assert api.delete(f"/flavors/{each['id']}").status == 204
    assert api.delete(f"/flavorprofiles/{made['id']}").status == 204
    assert api.get(f"/flavorprofiles/{made['id']}").fault == f"Flavor Profile {made['id']} not found."
    assert api.get(f"/flavors/{gold['id']}").fault == f"Flavor {gold['id']} not found."


def test_a_load_balancer_is_made_with_a_flavor(api: Client) -> None:
    gold = flavor(api)
    made = api.load_balancer(flavor_id=gold["id"])
    assert (made["flavor_id"], made["provider"]) == (gold["id"], "memory")
    api.settle()
    (body,) = [
        each for name, each in api.bascule.device.documents[made["id"], "memory"].items() if name.startswith("load_balancer/")
    ]
    assert '"flavor": {"size": 7}' in body
    assert api.get("/loadbalancers", flavor_id=gold["id"]).body["loadbalancers"][0]["id"] == made["id"]
    refused = api.delete(f"/flavors/{gold['id']}")
    assert (refused.status, refused.fault) == (409, f"Flavor {gold['id']} is in use and cannot be modified.")
    profile_id = gold["flavor_profile_id"]
    in_use = (409, f"Flavor profile {profile_id} is in use and cannot be modified.")
    for body in ({"flavor_data": '{"size": 8}'}, {"provider_name": "memory", "flavor_data": "{}"}):
        refused = api.put(f"/flavorprofiles/{profile_id}", {"flavorprofile": body})
        assert (refused.status, refused.fault) == in_use
    refused = api.delete(f"/flavorprofiles/{profile_id}")
    assert (refused.status, refused.fault) == in_use
    assert api.put(f"/flavorprofiles/{profile_id}", {"flavorprofile": {"name": "other"}}).status == 200
    assert api.put(f"/flavors/{gold['id']}", {"flavor": {"enabled": False}}).status == 200
    refused = api.post("/loadbalancers", {"loadbalancer": {"vip_subnet_id": VIPS.id, "flavor_id": gold["id"]}})
    assert (refused.status, refused.fault) == (400, f"The selected flavor is not allowed in this deployment: {gold['id']}")
    api.delete(f"/loadbalancers/{made['id']}")
    assert api.delete(f"/flavors/{gold['id']}").status == 409, "the load balancer is there still"
    api.settle()
    assert api.delete(f"/flavors/{gold['id']}").status == 204


def test_what_is_no_flavor_is_refused(api: Client) -> None:
    refused = api.post("/loadbalancers", {"loadbalancer": {"vip_subnet_id": VIPS.id, "flavor_id": NOWHERE}})
    assert (refused.status, refused.fault) == (400, "Validation failure: Invalid flavor_id.")
    refused = api.post("/flavors", {"flavor": {"name": "x", "flavor_profile_id": NOWHERE}})
    assert (refused.status, refused.fault) == (400, "Validation failure: Invalid flavor_profile_id.")
    gold = flavor(api)
    refused = api.post("/flavors", {"flavor": {"name": "gold", "flavor_profile_id": gold["flavor_profile_id"]}})
    assert (refused.status, refused.fault) == (409, "A flavor of gold already exists.")
    other = flavor(api, name="other")
    refused = api.put(f"/flavors/{other['id']}", {"flavor": {"name": "gold"}})
    assert (refused.status, refused.fault) == (409, "A flavor of gold already exists.")
    assert api.put(f"/flavors/{other['id']}", {"flavor": {"flavor_profile_id": NOWHERE}}).status == 400
    assert api.post("/flavors", {"flavor": {"name": "a\x07", "flavor_profile_id": gold["flavor_profile_id"]}}).status == 400
    for path in ("/flavors/x", "/flavors/%00", "/flavorprofiles/x%00"):
        assert {api.get(path).status, api.delete(path).status} == {404}
    assert api.put("/flavors/x", {"flavor": {}}).status == 404


@pytest.mark.parametrize(
    ("attributes", "status", "text"),
    [
        ({"flavor_data": "no JSON"}, 400, "no JSON is not a valid option for flavor_data"),
        ({"flavor_data": '{"\\ud800": 1}'}, 400, '{"\\ud800": 1} is not a valid option for flavor_data'),
        ({"flavor_data": "[]"}, 400, "[] is not a valid option for flavor_data"),
        ({"flavor_data": '{"size": 0}'}, 400, "Validation failure: flavor_data: size: 0 is not a number from 1 to 100."),
        ({"flavor_data": '{"size": true}'}, 400, "Validation failure: flavor_data: size: True is not a number from 1 to 100."),
        (
            {"flavor_data": '{"speed": 1}'},
            501,
            "Provider 'memory' does not support a requested option: speed. Known: size.",
        ),
        ({"provider_name": "nobody"}, 400, "Provider 'nobody' is not enabled. Enabled: memory"),
    ],
)
def test_profiles_say_only_what_their_provider_understands(api: Client, attributes: Any, status: int, text: str) -> None:
    given = {"name": "big", "provider_name": "memory", "flavor_data": "{}"}
    refused = api.post("/flavorprofiles", {"flavorprofile": given | attributes})
    assert (refused.status, refused.fault) == (status, text)
    made = profile(api)
    refused = api.put(f"/flavorprofiles/{made['id']}", {"flavorprofile": attributes})
    assert (refused.status, refused.fault) == (status, text)
    assert api.get("/flavorprofiles").body["flavorprofiles"] == [made]


def test_capabilities(api: Client) -> None:
    known = {"name": "size", "description": "A number that is kept with the load balancer: a number from 1 to 100."}
    assert api.get("/providers/memory/flavor_capabilities").body == {"flavor_capabilities": [known]}
    named = api.get("/providers/memory/flavor_capabilities", name="size", fields="name")
    assert named.body == {"flavor_capabilities": [{"name": "size"}]}
    refused = api.get("/providers/nobody/flavor_capabilities")
    assert (refused.status, refused.fault) == (400, "Provider 'nobody' is not enabled. Enabled: memory")


def test_a_flavor_may_be_deleted_or_used_but_not_both(api: Client) -> None:
    """The writer looks again, after the door did."""
    gold = flavor(api)
    writer = api.bascule.writer
    create = writer.create

    def late(*arguments: Any, **named: Any) -> Any:
        assert api.delete(f"/flavors/{gold['id']}").status == 204
        return create(*arguments, **named)

    writer.create = late  # type: ignore[method-assign]
    refused = api.post("/loadbalancers", {"loadbalancer": {"vip_subnet_id": VIPS.id, "flavor_id": gold["id"]}})
    assert (refused.status, refused.fault) == (400, f"Validation failure: flavor {gold['id']} is not offered any more")
