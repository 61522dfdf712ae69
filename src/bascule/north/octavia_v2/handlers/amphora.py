"""Amphorae, for administrators: handlers."""

from __future__ import annotations

from typing import Any

from bascule.core.amphorae import Amphora
from bascule.north.octavia_v2 import listing, query
from bascule.north.octavia_v2.door import ORIGIN, Call
from bascule.north.octavia_v2.errors import Malformed
from bascule.north.octavia_v2.schemas import amphora as schema
from bascule.north.octavia_v2.schemas.amphora import AMPHORA


def index(call: Call) -> Any:
    """List amphorae. Those of one project are found by way of the load balancers."""
    call.authorise_here()
    found = call.door.amphorae.all(query.single(call.params, "project_id"), query.single(call.params, "loadbalancer_id"))
    return listing.page(call, AMPHORA, [schema.show(each) for each in found])


def show(call: Call, amphora_id: str) -> Any:
    """Show an amphora."""
    return listing.one(call, AMPHORA, schema.show(_found(call, amphora_id)))


def stats(call: Call, amphora_id: str) -> Any:
    """Show what an amphora has counted, listener by listener."""
    found = _found(call, amphora_id)
    counted = call.door.amphorae.statistics(found)
    if not counted:
        raise Malformed(f"Amphora stats for {amphora_id} not found.", 404)
    return schema.show_statistics(found, counted)


def failover(call: Call, amphora_id: str) -> None:
    """Have the load balancer of an amphora carried by a new one."""
    call.door.writer.failover(_found(call, amphora_id).load_balancer_id, origin=ORIGIN)


def configure(call: Call, amphora_id: str) -> None:
    """Have an amphora compared with what it should be. There is no agent that would have a configuration of its own."""
    call.door.writer.look(_found(call, amphora_id).load_balancer_id)


def delete(call: Call, amphora_id: str) -> None:
    """Have an amphora that does not answer replaced: its load balancer cannot be without one."""
    found = _found(call, amphora_id)
    if schema.status(found) != "ERROR":
        raise Malformed(f"amphora {amphora_id} is immutable and cannot be updated.", 409)
    call.door.writer.failover(found.load_balancer_id, origin=ORIGIN)


def _found(call: Call, amphora_id: str) -> Amphora:
    call.authorise_here()
    found = call.door.amphorae.one(amphora_id)
    if found is None:
        raise Malformed(f"Amphora {amphora_id} not found.", 404)
    return found
