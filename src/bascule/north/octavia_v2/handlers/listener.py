"""Listeners: handlers."""

from __future__ import annotations

from typing import Any

from bascule.model.objects import Kind, Listener, LoadBalancer, Tree
from bascule.model.status import Statistics
from bascule.north.octavia_v2.door import Call, new_id
from bascule.north.octavia_v2.schemas import listener as schema
from bascule.north.octavia_v2.schemas import statistics
from bascule.north.octavia_v2.schemas.listener import LISTENER, ListenerPostBody, ListenerPutBody


def index(call: Call) -> Any:
    """List listeners."""
    return call.page(LISTENER)


def show(call: Call, listener_id: str) -> Any:
    """Show a listener."""
    return call.one(LISTENER, listener_id)


def create(call: Call, body: ListenerPostBody) -> Any:
    """Add a listener to a load balancer."""
    wanted, load_balancer_id = body.listener, body.listener.loadbalancer_id
    made = schema.created(wanted, new_id())
    call.check_certificates([schema.new_secrets(wanted)], lambda: call.shown(Kind.LOAD_BALANCER, load_balancer_id).row.project_id)

    def work(tree: Tree, root: LoadBalancer) -> Tree:
        return tree.put(made)

    call.change(Kind.LOAD_BALANCER, load_balancer_id, work)
    return call.one_again(LISTENER, made.id)


def update(call: Call, body: ListenerPutBody, listener_id: str) -> Any:
    """Change a listener."""
    wanted = body.listener
    call.check_certificates([schema.new_secrets(wanted)], lambda: call.shown(Kind.LISTENER, listener_id).row.project_id)

    def work(tree: Tree, each: Listener) -> Tree:
        return tree.put(schema.changed(each, wanted))

    call.change(Kind.LISTENER, listener_id, work)
    return call.one_again(LISTENER, listener_id)


def delete(call: Call, listener_id: str) -> None:
    """Delete a listener with its L7 policies. Its default pool stays."""

    def work(tree: Tree, each: Listener) -> Tree:
        return tree.drop(each.id)

    call.change(Kind.LISTENER, listener_id, work)


def stats(call: Call, listener_id: str) -> Any:
    """Show the traffic counters of a listener."""
    load_balancer_id = call.located(Kind.LISTENER, listener_id)
    counted = call.door.reader.statistics(load_balancer_id)
    return statistics.show([counted.get(listener_id, Statistics())])
