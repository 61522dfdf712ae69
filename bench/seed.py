"""Filling a database with standard load balancers, written as a worker's pass would have left them: ACTIVE."""

from __future__ import annotations

import ipaddress
import time
from collections import Counter
from functools import partial

import sqlalchemy as sa

from bascule.core import codec, standing
from bascule.model.definition import ServiceDefinition
from bascule.model.documents import digests
from bascule.model.objects import Tree, Vip
from bascule.model.status import CarrierState, Seen
from bascule.south.memory import MemoryBackend
from bascule.store import claims, observed, placement, quotas, tables, trees, units
from bascule.store.engine import Database
from bascule.store.observed import Carrier, Event
from bascule.store.units import LOAD_BALANCER, Rank, Unit
from bench import standard

_CHUNK = 200
_BACKEND = MemoryBackend()
LANE = _BACKEND.lanes()[0].id


def fill(database: Database, count: int) -> None:
    """Write `count` standard load balancers."""
    for start in range(0, count, _CHUNK):
        numbers = range(start, min(start + _CHUNK, count))
        database.write(partial(_insert, numbers=numbers, now=time.time()))
    database.write(lambda conn: placement.ensure(conn, {_BACKEND.name: _BACKEND.lanes()}))


TAG = "marked"
MARKED = 20


def mark(database: Database) -> None:
    """Give the first load balancers a tag, and have them show ERROR."""
    table = tables.load_balancer

    def work(conn: sa.Connection) -> None:
        ids = conn.scalars(sa.select(table.c.id).order_by(table.c.created_at, table.c.id).limit(MARKED)).all()
        conn.execute(table.update().where(table.c.id.in_(ids)).values(tags=[TAG], provisioning_status="ERROR"))
        conn.execute(tables.tag.insert(), [{"object_id": each, "tag": TAG, "load_balancer_id": each} for each in ids])

    database.write(work)


def _insert(conn: sa.Connection, numbers: range, now: float) -> None:
    made = [_made(conn, number) for number in numbers]
    fresh = [standing.fresh(tree, "octavia_v2", now) for tree in made]
    seen = Seen(carriers_serving=1)
    trees.save_all(conn, [(None, standing.recorded(stored, 1, {}, seen)) for stored in fresh])
    for tree in made:
        units.add(conn, _unit(tree, now))
    observed.save_carriers(conn, [], [_carrier(tree) for tree in made])
    observed.add_events(conn, [_event(tree, now) for tree in made])
    quotas.take(conn, standard.PROJECT, Counter(each.kind for tree in made for each in tree.objects()), {}, {})


def _made(conn: sa.Connection, number: int) -> Tree:
    load_balancer_id = standard.new_id()
    address = str(ipaddress.ip_address(standard.VIPS.first) + number)
    port_id = claims.hold_address(conn, load_balancer_id, standard.VIPS.id, address)
    vip = Vip(address=address, subnet_id=standard.VIPS.id, network_id=standard.VIPS.network_id, port_id=port_id)
    return standard.tree(load_balancer_id, f"lb-{number}", vip)


def _definition(tree: Tree) -> ServiceDefinition:
    subnets = {standard.VIPS.id: standard.VIPS}
    return ServiceDefinition(unit_id=tree.id, generation=1, replace=0, tree=tree, subnets=subnets)


def _unit(tree: Tree, now: float) -> Unit:
    return Unit(
        id=tree.id,
        kind=LOAD_BALANCER,
        key=tree.id,
        project_id=tree.load_balancer.project_id,
        lane_id=LANE,
        backend=_BACKEND.name,
        observed=1,
        rank=Rank.IDLE,
        checked_at=now,
        accepted=codec.encode(_definition(tree)),
    )


def _carrier(tree: Tree) -> Carrier:
    (name,) = _BACKEND.carriers(_BACKEND.lanes()[0].id, None)
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
