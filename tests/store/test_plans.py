"""Filters that have an index use it, and sorted lists begin where the page begins: nobody reads a whole table."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from bascule.model.objects import Kind, Member, Tree
from bascule.model.offers import OfferKind
from bascule.model.status import Operating, Provisioning, Standing
from bascule.store import lists, observed, offers, purge, trees, units
from bascule.store.engine import Database
from bascule.store.lists import Query
from bascule.store.observed import Event
from bascule.store.tables import event, objects, tag, unit
from bascule.store.units import Rank, Unit
from tests import servers
from tests.store.examples import standard, stored

COUNT = 1000

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["postgresql", "mariadb"])
def full(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database with so many load balancers that its planner has reason to look for an index, and knows it."""
    server: servers.Server = request.getfixturevalue(request.param)
    with server.migrated() as url:
        database = Database(url)
        for start in range(0, COUNT, 100):
            _fill(database, range(start, start + 100))
        _analyze(database, [*objects.values(), tag])
        yield database
        database.close()


def _analyze(database: Database, tables: Sequence[sa.Table]) -> None:
    words = "ANALYZE TABLE" if database.dialect == "mysql" else "ANALYZE"
    with database.engines[1].connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        for table in tables:
            conn.exec_driver_sql(f"{words} {table.name}")


def _fill(database: Database, numbers: range) -> None:
    made = [stored(_numbered(number)) for number in numbers]
    changes = [(None, _standing(each, number)) for number, each in zip(numbers, made, strict=True)]
    database.write(lambda conn: trees.save_all(conn, changes))


def _numbered(number: int) -> Tree:
    """A load balancer of its own project of ten. Names, tags and addresses are all different."""
    tree = standard()
    root = dataclasses.replace(
        tree.load_balancer,
        project_id=f"project {number // 10}",
        name=f"name {number}",
        tags=(f"load_balancer {number}", "common"),
        vip=dataclasses.replace(tree.load_balancer.vip, address=f"10.0.{number >> 8}.{number & 255}"),
        flavor_id=f"flavor {number}",
        availability_zone=f"zone {number}",
    )
    children: list[Any] = []
    for place, each in enumerate(tree.children.values()):
        changed = {} if each.kind is Kind.L7RULE else {"name": f"name {number}"}
        if isinstance(each, Member):
            changed |= {"address": f"10.{1 + place}.{number >> 8}.{number & 255}"}
        children.append(dataclasses.replace(each, tags=(f"{each.kind} {number}",), **changed))
    return Tree(root).put(*children)


def _standing(each: trees.Stored, number: int) -> trees.Stored:
    """One of a hundred is in ERROR and OFFLINE, the others are well."""
    bad = number % 100 == 0

    def stands(standing: Standing) -> Standing:
        return dataclasses.replace(
            standing,
            created_at=1_700_000_000.0 + number,
            provisioning_status=Provisioning.ERROR if bad else Provisioning.ACTIVE,
            operating_status=Operating.OFFLINE if bad else Operating.ONLINE,
        )

    standings = {object_id: stands(standing) for object_id, standing in each.standings.items()}
    return dataclasses.replace(each, standings=standings)


PROJECT, NAME, ERROR = {"project_id": "project 0"}, {"name": "name 7"}, {"provisioning_status": "ERROR"}
EVERY = [Query(filters=PROJECT, limit=100), Query(filters=ERROR, limit=100), Query(limit=5)]
NAMED = [Query(filters=NAME, limit=100), Query(filters=NAME | PROJECT, limit=100)]
LISTS: list[tuple[Kind, Query]] = [
    *((kind, query) for kind in Kind for query in EVERY),
    *((kind, Query(tags=(f"{kind} 7",), limit=100)) for kind in Kind),
    *((kind, query) for kind in Kind if kind is not Kind.L7RULE for query in NAMED),
    (Kind.LOAD_BALANCER, Query(filters={"vip_address": "10.0.0.7"}, limit=100)),
    (Kind.LOAD_BALANCER, Query(filters={"operating_status": "OFFLINE"}, limit=100)),
    (Kind.LOAD_BALANCER, Query(filters={"flavor_id": "flavor 7"}, limit=100)),
    (Kind.LOAD_BALANCER, Query(filters={"availability_zone": "zone 7"}, limit=100)),
    (Kind.LOAD_BALANCER, Query(tags_any=("load_balancer 7", "load_balancer 8"), limit=100)),
    (Kind.LOAD_BALANCER, Query(tags=("load_balancer 7", "common"), limit=100)),
    (Kind.LOAD_BALANCER, Query(filters=PROJECT, tags=("load_balancer 7",), limit=100)),
    (Kind.MEMBER, Query(filters={"address": "10.3.0.7"}, limit=100)),
]


@pytest.mark.parametrize(("kind", "query"), LISTS, ids=lambda value: str(value) if isinstance(value, Kind) else _named(value))
def test_a_list_reads_no_whole_table(full: Database, kind: Kind, query: Query) -> None:
    with full.read() as conn, _explained(conn) as plans:
        assert lists.many(conn, kind, query)
    assert not [each for plan in plans for each in _scanned(full.dialect, plan)], plans


@pytest.mark.parametrize("kind", Kind)
def test_an_object_and_what_it_belongs_to_are_found_by_index(full: Database, kind: Kind) -> None:
    with full.read() as conn:
        object_id = lists.many(conn, kind, Query(limit=1))[0].row.id
        with _explained(conn) as plans:
            assert lists.one(conn, kind, object_id) is not None
            assert (place := trees.locate(conn, kind, object_id)) is not None
            assert trees.load(conn, [place.load_balancer_id])
    assert len(plans) == 3
    assert not [each for plan in plans for each in _scanned(full.dialect, plan)], plans


def test_housekeeping_that_finds_nothing_reads_no_whole_table(full: Database) -> None:
    """As many units as load balancers, every fourth of them gone, with an event each; none of it is old."""
    row = dataclasses.asdict(Unit(id="", kind="load_balancer", key="", lane_id="memory:0", backend="memory", rank=Rank.IDLE))
    gone = {"gone_at": 1000.0, "checked_at": None}
    rows = [row | {"id": f"{n}", "key": f"{n}", "checked_at": 1000.0} | (gone if n % 4 == 0 else {}) for n in range(COUNT)]
    told = [Event(f"{number}", 1000.0, 1, "load_balancer", f"{number}", "created") for number in range(COUNT)]

    def work(conn: sa.Connection) -> None:
        conn.execute(unit.insert(), rows)
        observed.add_events(conn, told)

    full.write(work)
    _analyze(full, [unit, event])

    def look(conn: sa.Connection) -> list[Any]:
        with _explained(conn) as plans:
            assert not purge.units(conn, 999.0, 100)
            assert not purge.events(conn, 999.0, 100)
            assert not units.forgotten(conn, 100)
            assert not units.unchecked(conn, 999.0, 100)
        return plans

    plans = full.write(look)
    assert len(plans) == 4
    assert not [each for plan in plans for each in _scanned(full.dialect, plan)], plans


@pytest.mark.parametrize("offer", [(OfferKind.FLAVOR, "flavor 7"), (OfferKind.AVAILABILITY_ZONE, "zone 7")], ids=str)
def test_who_has_a_flavor_or_a_zone_is_found_by_index(full: Database, offer: tuple[OfferKind, str]) -> None:
    with full.read() as conn, _explained(conn) as plans:
        assert offers.in_use(conn, *offer)
    assert not [each for plan in plans for each in _scanned(full.dialect, plan)], plans


def test_a_filter_without_an_index_is_noticed(full: Database) -> None:
    with full.read() as conn, _explained(conn) as plans:
        lists.many(conn, Kind.LISTENER, Query(filters={"description": "nothing"}, sort=(("description", True),)))
    assert [each for plan in plans for each in _scanned(full.dialect, plan)]


def _named(query: Query) -> str:
    asked = {field.name: getattr(query, field.name) for field in dataclasses.fields(query)}
    return " ".join(f"{name}={value}" for name, value in asked.items() if value and name != "limit") or "nothing"


@contextmanager
def _explained(conn: sa.Connection) -> Iterator[list[Any]]:
    """The plans of the statements that are sent meanwhile."""
    plans: list[Any] = []
    engine, form = conn.engine, "(FORMAT JSON) " if conn.dialect.name == "postgresql" else ""

    def note(_conn: object, cursor: Any, statement: str, values: Any, *_rest: object) -> None:
        cursor.execute(f"EXPLAIN {form}{statement}", values)
        plans.append(cursor.fetchall())

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield plans
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


def _scanned(dialect: str, plan: Any) -> list[str]:
    """The tables that a plan reads from one end to the other."""
    if dialect == "mysql":
        return [row[2] for row in plan if row[3] == "ALL" and not str(row[2]).startswith("<")]
    return list(_sequential(json.loads(plan[0][0])[0]["Plan"] if isinstance(plan[0][0], str) else plan[0][0][0]["Plan"]))


def _sequential(node: Mapping[str, Any]) -> Iterator[str]:
    if node["Node Type"] == "Seq Scan":
        yield node["Relation Name"]
    for below in node.get("Plans", ()):
        yield from _sequential(below)
