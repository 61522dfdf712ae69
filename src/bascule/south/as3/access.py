"""Who may connect to a listener: the networks in `allowed_cidrs`, as a data group that an iRule looks clients up in."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

from bascule.model.objects import Listener, Tree
from bascule.south.as3 import irule, names

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def render(tree: Tree, listener: Listener) -> dict[str, Any]:
    """The data group and the iRule of a listener, by name; none where everybody may connect."""
    networks = _networks(listener.allowed_cidrs)
    open_to = {each.version for each in networks if each.prefixlen == 0}
    if not networks or open_to == {4, 6}:
        return {}
    # Some releases take a network of all addresses for the word "any", and then see a difference for ever.
    records = [{"key": str(each), "value": ""} for each in networks if each.prefixlen]
    name = names.item("dg", listener.id)
    tests = [f"![class match $client equals /{names.tenant_name(tree.id)}/{names.APPLICATION}/{name}]"] if records else []
    if 4 in open_to:
        tests.append("[string first : $client] >= 0")
    if 6 in open_to:
        tests.append("[string first : $client] < 0")
    group = {name: {"class": "Data_Group", "keyDataType": "ip", "records": records}} if records else {}
    lines = [
        "when CLIENT_ACCEPTED priority 100 {",
        f"    set client {irule.CLIENT}",
        f"    if {{ {' && '.join(tests)} }} {{ reject }}",
        "}",
    ]
    return group | irule.of(listener.id, "cidrs", "\n".join(lines))


def _networks(cidrs: Sequence[str]) -> list[_Network]:
    """The networks, each address once. AS3 refuses a list that has something twice."""
    parsed = [ipaddress.ip_network(cidr, strict=False) for cidr in cidrs]
    fours = ipaddress.collapse_addresses(each for each in parsed if isinstance(each, ipaddress.IPv4Network))
    sixes = ipaddress.collapse_addresses(each for each in parsed if isinstance(each, ipaddress.IPv6Network))
    return [*fours, *sixes]
