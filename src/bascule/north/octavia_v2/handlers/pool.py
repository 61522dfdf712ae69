"""Pools: handlers."""

from __future__ import annotations

import dataclasses
from typing import Any

from bascule.model.errors import Conflict
from bascule.model.objects import Kind, Listener, LoadBalancer, Pool, Tree
from bascule.north.octavia_v2.door import Call, new_id
from bascule.north.octavia_v2.errors import Malformed
from bascule.north.octavia_v2.schemas import pool as schema
from bascule.north.octavia_v2.schemas.pool import POOL, PoolPost, PoolPostBody, PoolPutBody
from bascule.north.octavia_v2.wire import known


def index(call: Call) -> Any:
    """List pools."""
    return call.page(POOL)


def show(call: Call, pool_id: str) -> Any:
    """Show a pool."""
    return call.one(POOL, pool_id)


def create(call: Call, body: PoolPostBody) -> Any:
    """Add a pool to a load balancer, as the default pool of a listener where one is named."""
    wanted = body.pool
    kind, owner_id = _owner(wanted)
    made = schema.created(wanted, new_id())
    call.check_certificates([schema.new_secrets(wanted)], lambda: call.shown(kind, owner_id).row.project_id)

    def work(tree: Tree, owner: Listener | LoadBalancer) -> Tree:
        tree = tree.put(made)
        if not isinstance(owner, Listener):
            return tree
        if known(wanted.loadbalancer_id) not in (None, tree.id):
            raise Malformed(f"Validation failure: Listener {owner.id} is not on load balancer {wanted.loadbalancer_id}")
        if owner.default_pool_id is not None:
            raise Conflict(f"Listener {owner.id} already has a default pool")
        return tree.put(dataclasses.replace(owner, default_pool_id=made.id))

    call.change(kind, owner_id, work)
    return call.one_again(POOL, made.id)


def update(call: Call, body: PoolPutBody, pool_id: str) -> Any:
    """Change a pool."""
    wanted = body.pool
    call.check_certificates([schema.new_secrets(wanted)], lambda: call.shown(Kind.POOL, pool_id).row.project_id)

    def work(tree: Tree, each: Pool) -> Tree:
        return tree.put(schema.changed(each, wanted))

    call.change(Kind.POOL, pool_id, work)
    return call.one_again(POOL, pool_id)


def delete(call: Call, pool_id: str) -> None:
    """Delete a pool with its members and monitor. Listeners go on without it; an L7 policy that uses it prevents it."""

    def work(tree: Tree, each: Pool) -> Tree:
        return tree.drop(each.id)

    call.change(Kind.POOL, pool_id, work)


def _owner(wanted: PoolPost) -> tuple[Kind, str]:
    """What the pool is to be added to."""
    if listener_id := known(wanted.listener_id):
        return Kind.LISTENER, listener_id
    if load_balancer_id := known(wanted.loadbalancer_id):
        return Kind.LOAD_BALANCER, load_balancer_id
    raise Malformed("Validation failure: Must provide at least one of: loadbalancer_id, listener_id")
