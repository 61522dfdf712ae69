"""Monitors of the device as checks of HAProxy: the same bytes are sent, and the same pattern is looked for in what comes."""

from __future__ import annotations

import math
import re

from bigip_emulator.dataplane.text import quoted, unescaped
from bigip_emulator.objects import Object, Store

_TCP = ("ltm/monitor/http", "ltm/monitor/https", "ltm/monitor/tcp", "ltm/monitor/tcp-half-open")


def found(store: Store, rule: str) -> Object | None:
    """The first monitor that a pool's or a member's monitor rule names."""
    for path in re.findall(r"/[^\s{}]+", rule):
        for kind in (*_TCP, "ltm/monitor/http2", "ltm/monitor/udp", "ltm/monitor/gateway-icmp"):
            if monitor := store.get(kind, path):
                return monitor
    return None


def checkable(monitor: Object | None) -> bool:
    """Whether HAProxy can do it. What it cannot, such as ICMP, counts as up."""
    return monitor is not None and monitor.kind in _TCP


def lines(monitor: Object) -> list[str]:
    """The check of a backend."""
    properties = monitor.properties
    send, receive = str(properties.get("send", "")), str(properties.get("recv", ""))
    if monitor.kind.endswith(("/http", "/https")):
        send, receive = send or "HEAD / HTTP/1.0\\r\\n\\r\\n", receive or "HTTP/1."
        if not send.endswith(("\\n", "\n")):
            send += "\\r\\n\\r\\n"
    made = ["option tcp-check", f"tcp-check connect{' ssl' if monitor.kind.endswith('/https') else ''}"]
    if monitor.kind.endswith("/tcp-half-open"):
        return made
    if send not in ("", "none"):
        made.append(f"tcp-check send-binary {unescaped(send).hex()}")
    if receive not in ("", "none"):
        negation = "! " if properties.get("reverse") == "enabled" else ""
        made.append(f"tcp-check expect {negation}rstring {quoted(receive)}")
    return made


def options(monitor: Object, own: Object | None, speed: float) -> str:
    """The check of one server, which may have a monitor of its own with another address or port."""
    properties = (own or monitor).properties
    interval, timeout = max(float(properties["interval"]), 0.1), float(properties["timeout"])
    # The device gives up when nothing good has come for as long as the timeout says.
    fall = max(1, math.floor(timeout / interval))
    made = f"check inter {max(20, round(interval / speed * 1000))}ms fall {fall} rise 1"
    # Before the port there is a dot where the address is one of IPv6.
    match = re.fullmatch(r"(.+)[.:](\d+|\*)", str(properties.get("destination", "*:*")))
    address, port = match.groups() if match else ("*", "*")
    if port.isdecimal():
        made += f" port {port}"
    if address != "*":
        made += f" addr {address.partition('%')[0]}"
    return made
