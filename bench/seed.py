"""Filling a database with standard load balancers, written as a worker's pass would have left them: ACTIVE."""

from __future__ import annotations

import ipaddress
import time
import uuid
from collections.abc import Sequence
from functools import partial
from typing import Any

import sqlalchemy as sa

from bascule.core import codec, standing
from bascule.model.definition import ServiceDefinition
from bascule.model.documents import digests
from bascule.model.objects import Tree
from bascule.model.status import CarrierState, Seen
from bascule.south.memory import MemoryBackend
from bascule.store import observed, tables, trees
from bascule.store.claims import ADDRESS
from bascule.store.engine import Database
from bascule.store.observed import Carrier, Event
from bascule.store.units import LOAD_BALANCER, Unit
from bench import standard

_CHUNK = 200
_BACKEND = MemoryBackend()


def fill(database: Database, count: int) -> None:
    """Write `count` standard load balancers."""
    for start in range(0, count, _CHUNK):
        made = [_made(number) for number in range(start, min(start + _CHUNK, count))]
        database.write(partial(_insert, made=made, now=time.time()))


def _made(number: int) -> Tree:
    address = str(ipaddress.ip_address(standard.VIPS.first) + number)
    return standard.tree(f"lb-{number}", address, str(uuid.uuid4()))


def _insert(conn: sa.Connection, made: Sequence[Tree], now: float) -> None:
    fresh = [standing.fresh(tree, "octavia_v2", now) for tree in made]
    seen = Seen(carriers_serving=1)
    trees.save_all(conn, [(None, standing.recorded(stored, 1, {}, seen)) for stored in fresh])
    conn.execute(tables.unit.insert(), [_unit(tree, now) for tree in made])
    conn.execute(tables.claim.insert(), [_claim(tree) for tree in made])
    observed.save_carriers(conn, [], [_carrier(tree) for tree in made])
    observed.add_events(conn, [_event(tree, now) for tree in made])


def _definition(tree: Tree) -> ServiceDefinition:
    subnets = {standard.VIPS.id: standard.VIPS}
    return ServiceDefinition(unit_id=tree.id, generation=1, replace=0, tree=tree, subnets=subnets)


def _unit(tree: Tree, now: float) -> dict[str, Any]:
    lane = _BACKEND.lanes()[0].id
    done = Unit(id=tree.id, kind=LOAD_BALANCER, key=tree.id, lane_id=lane, backend=_BACKEND.name, observed=1)
    row = {name: getattr(done, name) for name in Unit.__dataclass_fields__}
    return row | {"checked_at": now, "accepted": codec.encode(_definition(tree))}


def _claim(tree: Tree) -> dict[str, Any]:
    vip = tree.load_balancer.vip
    held = {"kind": ADDRESS, "place": vip.subnet_id, "name": vip.address, "live": 1}
    return held | {"id": vip.port_id, "unit_id": tree.id}


def _carrier(tree: Tree) -> Carrier:
    (name,) = _BACKEND.carriers(None)
    documents = _BACKEND.render(_definition(tree), name)
    return Carrier(
        unit_id=tree.id,
        name=name,
        state=CarrierState.SERVING,
        observed=1,
        version=_BACKEND.version,
        digests=digests(documents),
    )


def _event(tree: Tree, now: float) -> Event:
    return Event(tree.id, now, 1, tree.load_balancer.kind, tree.id, f"The load balancer {tree.load_balancer.name} was created.")
