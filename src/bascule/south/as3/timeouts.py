"""Timeouts: profiles of TCP and UDP, which listeners with the same timeouts share. SCTP has one that AS3 cannot change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bascule.model.objects import Listener, ListenerProtocol

_LONGEST_IDLE = 86400
"""Seconds."""

_LONGEST_BASE = 5000
"""Milliseconds until the first repetition of a request to connect; each takes twice as long as the one before."""

_DEFAULT_BASE = 1000
_MOST_REPEATED = 5
_LONGEST_CONNECT = _LONGEST_BASE * (2 ** (_MOST_REPEATED + 1) - 1)


_DATAGRAMS = (ListenerProtocol.SCTP, ListenerProtocol.UDP)
_DEFAULT = 50000


def render(listener: Listener) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a service says of timeouts, and the items for it, by name."""
    match listener.protocol:
        case ListenerProtocol.SCTP:
            return {}, {}
        case ListenerProtocol.UDP:
            profile = _udp(listener)
            name = _name("udp", profile)
            return {"profileUDP": {"use": name}}, {name: profile}
    ingress, egress = _of_clients(listener), _of_members(listener)
    names = _name("tcp", ingress), _name("tcp", egress)
    return {"profileTCP": {"ingress": {"use": names[0]}, "egress": {"use": names[1]}}}, dict(
        zip(names, (ingress, egress), strict=True)
    )


def _udp(listener: Listener) -> dict[str, Any]:
    """The profile of both sides, with the longer of the two timeouts."""
    both = listener.timeout_client_data, listener.timeout_member_data
    return {"class": "UDP_Profile", "idleTimeout": _seconds(max(both) if all(both) else 0)}


def _of_clients(listener: Listener) -> dict[str, Any]:
    return {"class": "TCP_Profile", "idleTimeout": _seconds(listener.timeout_client_data)}


def _of_members(listener: Listener) -> dict[str, Any]:
    """BIG-IP gives up connecting when the last repetition was in vain."""
    profile = {"class": "TCP_Profile", "idleTimeout": _seconds(listener.timeout_member_data)}
    wanted, repeated = listener.timeout_member_connect, 0
    while wanted > _LONGEST_BASE * (2 ** (repeated + 1) - 1):
        repeated += 1
    if wanted > _DEFAULT_BASE:
        repeated = max(repeated, 1)  # one lost packet must not cost a connection
    return profile | {"synMaxRetrans": repeated, "synRtoBase": -(-wanted // (2 ** (repeated + 1) - 1))}


def _name(kind: str, profile: dict[str, Any]) -> str:
    """The item of a profile, made of its values, so that equal ones are one."""
    values = (profile["idleTimeout"], profile.get("synMaxRetrans"), profile.get("synRtoBase"))
    return "_".join((kind, *(f"{value:d}".replace("-1", "never") for value in values if value is not None)))


def _seconds(milliseconds: int) -> int:
    """Whole seconds, rounded up, as BIG-IP counts; -1 is for ever, which Octavia writes as 0."""
    return -(-milliseconds // 1000) if milliseconds else -1


def refuse(listener: Listener) -> Iterator[str]:
    """What of the timeouts of a listener cannot be carried."""
    for field in ("timeout_client_data", "timeout_member_data"):
        if _seconds(getattr(listener, field)) > _LONGEST_IDLE:
            yield f"{field} can be 0, which is for ever, or up to {_LONGEST_IDLE * 1000} milliseconds."
        if listener.protocol is ListenerProtocol.SCTP and getattr(listener, field) != _DEFAULT:
            yield f"{field} is not possible with SCTP, which has its own; it can be {_DEFAULT}, which stands for that."
    if listener.protocol not in _DATAGRAMS and not 1 <= listener.timeout_member_connect <= _LONGEST_CONNECT:
        yield f"timeout_member_connect can be 1 to {_LONGEST_CONNECT} milliseconds."
    if listener.timeout_tcp_inspect:
        yield "timeout_tcp_inspect is not possible: nothing waits for more of a request; it can be 0."
