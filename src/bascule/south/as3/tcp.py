"""TCP profiles: what the timeouts of a listener become. Listeners with the same timeouts share them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bascule.model.objects import Listener

_LONGEST_IDLE = 86400
"""Seconds."""

_LONGEST_BASE = 5000
"""Milliseconds until the first repetition of a request to connect; each takes twice as long as the one before."""

_MOST_REPEATED = 5
_LONGEST_CONNECT = _LONGEST_BASE * (2 ** (_MOST_REPEATED + 1) - 1)


def of_clients(listener: Listener) -> dict[str, Any]:
    """The profile of connections from clients."""
    return {"class": "TCP_Profile", "idleTimeout": _seconds(listener.timeout_client_data)}


def of_members(listener: Listener) -> dict[str, Any]:
    """The profile of connections to members. BIG-IP gives up connecting when the last repetition was in vain."""
    profile = {"class": "TCP_Profile", "idleTimeout": _seconds(listener.timeout_member_data)}
    wanted, repeated = listener.timeout_member_connect, 0
    while wanted > _LONGEST_BASE * (2 ** (repeated + 1) - 1):
        repeated += 1
    if wanted > 1000:
        repeated = max(repeated, 1)  # one lost packet must not cost a connection
    return profile | {"synMaxRetrans": repeated, "synRtoBase": -(-wanted // (2 ** (repeated + 1) - 1))}


def name(profile: dict[str, Any]) -> str:
    """The item of a profile, made of its values, so that equal ones are one."""
    values = (profile["idleTimeout"], profile.get("synMaxRetrans"), profile.get("synRtoBase"))
    return "_".join(("tcp", *(f"{value:d}".replace("-1", "never") for value in values if value is not None)))


def _seconds(milliseconds: int) -> int:
    """Whole seconds, rounded up, as BIG-IP counts; -1 is for ever, which Octavia writes as 0."""
    return -(-milliseconds // 1000) if milliseconds else -1


def refuse(listener: Listener) -> Iterator[str]:
    """What of the timeouts of a listener cannot be carried."""
    for field in ("timeout_client_data", "timeout_member_data"):
        if _seconds(getattr(listener, field)) > _LONGEST_IDLE:
            yield f"{field} can be 0, which is for ever, or up to {_LONGEST_IDLE * 1000} milliseconds."
    if not 1 <= listener.timeout_member_connect <= _LONGEST_CONNECT:
        yield f"timeout_member_connect can be 1 to {_LONGEST_CONNECT} milliseconds."
    if listener.timeout_tcp_inspect:
        yield "timeout_tcp_inspect is not possible: nothing waits for more of a request; it can be 0."
