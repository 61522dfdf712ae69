"""Health monitors: handlers."""

from __future__ import annotations

from typing import Any

from bascule.model.errors import Conflict
from bascule.model.objects import HealthMonitor, Kind, Pool, Tree
from bascule.north.octavia_v2.door import Call, new_id
from bascule.north.octavia_v2.schemas import health_monitor as schema
from bascule.north.octavia_v2.schemas.health_monitor import (
    HEALTH_MONITOR,
    HealthMonitorPostBody,
    HealthMonitorPutBody,
)


def index(call: Call) -> Any:
    """List health monitors."""
    return call.page(HEALTH_MONITOR)


def show(call: Call, health_monitor_id: str) -> Any:
    """Show a health monitor."""
    return call.one(HEALTH_MONITOR, health_monitor_id)


def create(call: Call, body: HealthMonitorPostBody) -> Any:
    """Give a pool its health monitor."""
    wanted, pool_id = body.healthmonitor, str(body.healthmonitor.pool_id)
    made = schema.created(wanted, pool_id, new_id())

    def work(tree: Tree, pool: Pool) -> Tree:
        if tree.monitors_of(pool.id):
            raise Conflict("This pool already has a health monitor")
        return tree.put(made)

    stored = call.change(Kind.POOL, pool_id, work)
    return call.written(HEALTH_MONITOR, stored, made.id)


def update(call: Call, body: HealthMonitorPutBody, health_monitor_id: str) -> Any:
    """Change a health monitor."""

    def work(tree: Tree, each: HealthMonitor) -> Tree:
        return tree.put(schema.changed(each, body.healthmonitor))

    stored = call.change(Kind.HEALTH_MONITOR, health_monitor_id, work)
    return call.written(HEALTH_MONITOR, stored, health_monitor_id)


def delete(call: Call, health_monitor_id: str) -> None:
    """Delete a health monitor."""

    def work(tree: Tree, each: HealthMonitor) -> Tree:
        return tree.drop(each.id)

    call.change(Kind.HEALTH_MONITOR, health_monitor_id, work)
