"""Members: one server each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping

from bascule.model import refusals
from bascule.model.objects import HealthMonitor, Member, Pool
from bascule.south.haproxy import health_monitor, persistence
from bascule.south.haproxy.quoting import address, endpoint, name

_NUMBERS = 2**31 - 1


def numbers(members: Iterable[Member]) -> Mapping[str, int]:
    """A number for each member, by id, made of the id. Consistent hashes go by the numbers of servers.

    Those that HAProxy gives are places in the configuration: with one member less all clients of those behind it would move.
    """
    found: dict[int, str] = {}
    for each in members:
        number = int.from_bytes(hashlib.sha256(each.id.encode()).digest()[:8]) % _NUMBERS + 1
        while number in found:
            number = number % _NUMBERS + 1
        found[number] = each.id
    return {member_id: number for number, member_id in found.items()}


def render(pool: Pool, member: Member, monitor: HealthMonitor | None, transport: str, number: int | None) -> list[str]:
    """The server of a member. Weight 0 gives it no new clients; those who are bound to it may stay.

    `transport` is how all members of the pool are spoken to. What HAProxy may not like of that is the fault of the pool.
    """
    line = f"    server {name(member.id)} {endpoint(member.address, member.protocol_port)}{transport} weight {member.weight:d}"
    if number is not None:
        line += f" id {number:d}"
    if persistence.by_cookie(pool):
        line += f" cookie {member.id}"
    if monitor:
        line += f" {health_monitor.check(pool, monitor, member)}"
    if member.backup:
        line += " backup"
    if not member.admin_state_up:
        line += " disabled"
    return [f"    # pool {pool.id}" if pool.tls_enabled else f"    # member {member.id}", line]


def refuse(member: Member) -> Iterator[str]:
    """What of a member cannot be carried."""
    yield from refusals.of_member(member)
    for field, value in (("address", member.address), ("monitor_address", member.monitor_address)):
        if value is not None and not _is_address(value):
            yield f"{field} {value!r} must be an IP address without a zone."


def _is_address(text: str) -> bool:
    try:
        address(text)
    except ValueError:
        return False
    return True
