"""Look-ups in other services that clients make on their own."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.bascule import MEMBERS, NETWORK_ID, NOWHERE, VIPS, VIPS6, Client

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("root", ["/v2.0", "/v2"])
def test_subnets(api: Client, root: str) -> None:
    def ids(query: str = "") -> list[str]:
        return [each["id"] for each in api.raw("GET", f"{root}/subnets", query_string=query).body["subnets"]]

    assert ids() == [VIPS6.id, VIPS.id, MEMBERS.id]
    assert ids("name=vips") == ids(f"id={VIPS.id}") == ids("cidr=127.9.0.0/16") == [VIPS.id]
    assert ids(f"network_id={NETWORK_ID}&ip_version=6") == [VIPS6.id]
    assert ids("name=nothing") == []
    assert ids("name=vips&name=members") == [VIPS.id, MEMBERS.id]
    assert ids("name=vips&name=members&ip_version=6") == []
    assert ids("enable_dhcp=false") == ids("enable_dhcp=False") == ids()
    assert ids("enable_dhcp=true") == []
    shown = api.raw("GET", f"{root}/subnets/{VIPS.id}").body["subnet"]
    assert (shown["name"], shown["ip_version"], shown["allocation_pools"]) == (
        "vips",
        4,
        [{"start": "127.9.0.10", "end": "127.9.255.200"}],
    )
    answer = api.raw("GET", f"{root}/subnets/{NOWHERE}")
    assert (answer.status, answer.fault) == (404, f"subnet {NOWHERE} not found.")


def test_networks(api: Client) -> None:
    networks = api.raw("GET", "/v2.0/networks").body["networks"]
    assert [(each["id"], each["subnets"]) for each in networks] == [
        (NETWORK_ID, [VIPS6.id, VIPS.id]),
        (MEMBERS.network_id, [MEMBERS.id]),
    ]
    assert api.raw("GET", "/v2.0/networks", query_string="name=members").body["networks"] == networks[1:]
    assert api.raw("GET", "/v2.0/networks", query_string="shared=true").body["networks"] == networks
    answer = api.raw("GET", "/v2.0/networks", query_string="shared=maybe")
    assert (answer.status, answer.fault) == (400, "shared: 'maybe' is neither true nor false")
    assert api.raw("GET", f"/v2.0/networks/{NETWORK_ID}").body == {"network": networks[0]}


@pytest.mark.parametrize(
    ("path", "root"),
    [
        ("ports", "ports"),
        ("security-groups", "security_groups"),
        ("qos/policies", "policies"),
        ("extensions", "extensions"),
    ],
)
def test_what_there_is_none_of(api: Client, path: str, root: str) -> None:
    assert api.raw("GET", f"/v2.0/{path}", query_string="name=x").body == {root: []}
    assert api.raw("GET", f"/v2.0/{path}/x").status == 404


def test_whatever_is_named_is_a_project(api: Client) -> None:
    project: dict[str, Any] = api.raw("GET", "/projects/demo").body["project"]
    assert (project["id"], project["name"]) == ("demo", "demo")
