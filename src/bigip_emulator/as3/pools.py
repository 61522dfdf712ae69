"""Pools, their members and monitors as objects on the device."""

from __future__ import annotations

from typing import Any

from bigip_emulator import addresses
from bigip_emulator.as3.checks import servers_of
from bigip_emulator.as3.making import Maker, Making, on, yes
from bigip_emulator.as3.structure import Declaration
from bigip_emulator.web import Json

_MONITORS = {"icmp": "gateway_icmp", "tcp-half-open": "tcp_half_open"}


def _pool(making: Making, name: str, item: Declaration) -> None:
    members: dict[str, dict[str, Any]] = {}
    for member in item.get("members", []):
        if member["enable"]:
            # The same address and port twice becomes one member; the last one wins.
            members |= _members(making, member)
    monitors = [_monitor(making, one) for one in item.get("monitors", [])]
    making.add(
        "ltm/pool",
        making.path(name),
        {"members": members},
        loadBalancingMode=item["loadBalancingMode"],
        monitor=_together(monitors, item.get("minimumMonitors", 1)),
        minActiveMembers=item["minimumMembersActive"],
        slowRampTime=item["slowRampTime"],
        reselectTries=item["reselectTries"],
        serviceDownAction=item["serviceDownAction"],
        allowNat=yes(item["allowNATEnabled"]),
        allowSnat=yes(item["allowSNATEnabled"]),
        description=item.get("remark"),
    )


def _together(monitors: list[str], least: Json) -> str | None:
    if not monitors:
        return None
    return " and ".join(monitors) if least == "all" else f"min {least} of {{ {' '.join(monitors)} }}"


def _monitor(making: Making, value: Json) -> str:
    return f"/Common/{_MONITORS.get(value, value)}" if isinstance(value, str) else making.pointed(value)


def _members(making: Making, member: Declaration) -> dict[str, dict[str, Any]]:
    state = {
        "enable": ("user-enabled", "user-up"),
        "disable": ("user-disabled", "user-up"),
        "offline": ("user-disabled", "user-down"),
    }[member["adminState"]]
    made = {}
    where = "Common" if member["shareNodes"] else making.tenant
    for name, address in servers_of(member, making.domain):
        node = f"/{where}/{name}"
        making.add("ltm/node", node, address=address)
        own = [_monitor(making, one) for one in member.get("monitors", [])]
        made[addresses.with_port(node, member["servicePort"])] = {
            "address": address,
            "ratio": member["ratio"],
            "dynamicRatio": member["dynamicRatio"],
            "priorityGroup": member["priorityGroup"],
            "connectionLimit": member["connectionLimit"],
            "rateLimit": "disabled" if member["rateLimit"] < 0 else member["rateLimit"],
            "session": state[0],
            "state": state[1],
            "monitor": _together(own, member.get("minimumMonitors", 1)) or "default",
            **({"description": member["remark"]} if "remark" in member else {}),
        }
    return made


def _monitoring(making: Making, name: str, item: Declaration) -> None:
    kind = {"icmp": "gateway-icmp"}.get(item["monitorType"], item["monitorType"])
    address = addresses.device(item["targetAddress"]) if item["targetAddress"] else "*"
    port = item["targetPort"] or "*"
    more: dict[str, Any] = {"send": item.get("send"), "recv": item.get("receive"), "recvDisable": item.get("receiveDown") or None}
    more |= {
        "username": item.get("username"),
        "cipherlist": item.get("ciphers"),
        "run": item.get("pathname"),
        "args": item.get("arguments"),
    }
    if "clientTLS" in item:
        more["sslProfile"] = making.pointed(item["clientTLS"])
    for flag in ("reverse", "adaptive"):
        if flag in item:
            more[flag] = on(item[flag])
    making.add(
        f"ltm/monitor/{kind}",
        making.path(name),
        interval=item["interval"],
        timeout=item["timeout"],
        timeUntilUp=item["timeUntilUp"],
        upInterval=item["upInterval"],
        destination=addresses.with_port(address, port),
        transparent=on(item["transparent"]),
        description=item.get("remark"),
        **more,
    )


MAKERS: dict[str, Maker] = {"Pool": _pool, "Monitor": _monitoring}
