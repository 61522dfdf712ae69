"""What doors read: one snapshot for each answer, with traffic, events and reasons summed up."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import sqlalchemy as sa

from bascule.core.reader import Query, Reader
from bascule.model.errors import Invalid
from bascule.model.objects import Kind
from bascule.model.status import Provisioning, Statistics
from bascule.store import tables, trees
from bascule.store.engine import Database
from bascule.store.trees import Stored
from tests.store.examples import new_id, standard, statements, stored


@pytest.fixture
def example(database: Database) -> Stored:
    saved = stored(standard())
    database.write(lambda conn: trees.save(conn, None, saved))
    return saved


@pytest.fixture
def reader(database: Database) -> Reader:
    return Reader(database)


def insert(database: Database, table: sa.Table, *rows: dict[str, Any]) -> None:
    database.write(lambda conn: conn.execute(table.insert(), list(rows)))


def test_objects(reader: Reader, example: Stored) -> None:
    member = example.tree.members[0]
    assert reader.stored(example.tree.id) == example
    assert reader.stored(member.id) is None
    assert reader.locate(Kind.MEMBER, member.id) == (example.tree.id, example.tree.load_balancer.project_id)
    assert reader.locate(Kind.POOL, member.id) is None
    shown = reader.one(Kind.MEMBER, member.id)
    assert shown is not None
    assert shown.row.address == member.address
    assert reader.one(Kind.POOL, member.id) is None
    found = reader.many(Kind.MEMBER, Query(filters={"pool_id": member.pool_id}))
    assert {each.row.id for each in found} == {each.id for each in example.tree.members_of(member.pool_id)}
    with pytest.raises(Invalid, match="marker"):
        reader.many(Kind.MEMBER, Query(marker=new_id()))


def counted(unit_id: str, carrier: str, listener_id: str, kept: int, last: int, active: int) -> dict[str, Any]:
    counters = ("bytes_in", "bytes_out", "total_connections", "request_errors")
    row: dict[str, Any] = {"unit_id": unit_id, "carrier": carrier, "listener_id": listener_id}
    row |= {f"kept_{name}": kept * factor for factor, name in enumerate(counters, 1)}
    row |= {f"last_{name}": last * factor for factor, name in enumerate(counters, 1)}
    return row | {"active_connections": active}


def test_statistics_are_summed_over_carriers(database: Database, reader: Reader, example: Stored) -> None:
    assert reader.statistics(example.tree.id) == {}
    first, second = (listener.id for listener in example.tree.listeners)
    insert(
        database,
        tables.statistics,
        counted(example.tree.id, "one", first, 2**40, 3, 5),
        counted(example.tree.id, "two", first, 0, 7, 1),
        counted(example.tree.id, "one", second, 0, 1, 0),
        counted(new_id(), "one", new_id(), 9, 9, 9),
    )
    total = 2**40 + 10
    assert reader.statistics(example.tree.id) == {
        first: Statistics(
            bytes_in=total,
            bytes_out=2 * total,
            active_connections=6,
            total_connections=3 * total,
            request_errors=4 * total,
        ),
        second: Statistics(1, 2, 0, 3, 4),
    }


def test_events_come_newest_first(database: Database, reader: Reader, example: Stored) -> None:
    events = [
        {
            "load_balancer_id": owner,
            "at": 100.0 - generation,  # a clock may be set back
            "generation": generation,
            "object_kind": "listener",
            "object_id": new_id(),
            "text": f"The listener was changed {generation} times.",
        }
        for generation in range(1, 6)
        for owner in (example.tree.id, new_id())
    ]
    insert(database, tables.event, *events)
    found = reader.events(example.tree.id, 3)
    assert [row.generation for row in found] == [5, 4, 3]
    assert dict(found[0]._mapping) == {name: value for name, value in events[8].items() if name != "load_balancer_id"}
    assert len(reader.events(example.tree.id, 100)) == 5
    assert reader.events(new_id(), 100) == []


def failed(unit_id: str, object_id: str, text: str) -> dict[str, Any]:
    return {
        "unit_id": unit_id,
        "object_id": object_id,
        "object_kind": "any",
        "kind": "rejected",
        "generation": 1,
        "since": 1.0,
        "user_text": text,
        "operator_text": "in the device's words",
    }


def test_faults_are_told_of_what_is_in_error(database: Database, reader: Reader) -> None:
    saved = stored(standard())
    root, tree = saved.tree.id, saved.tree
    one_of_each = {each.kind: each.id for each in tree.objects()}
    error = {
        object_id: dataclasses.replace(saved.standings[object_id], provisioning_status=Provisioning.ERROR)
        for object_id in one_of_each.values()
    }
    saved = dataclasses.replace(saved, standings={**saved.standings, **error})
    database.write(lambda conn: trees.save(conn, None, saved))
    waiting = tree.members[0].id
    rows = [failed(root, object_id, f"about the {kind}") for kind, object_id in one_of_each.items()]
    insert(database, tables.fault, *rows, failed(root, waiting, "only for now"), failed(new_id(), root, "another unit's"))
    assert reader.faults(root) == {object_id: f"about the {kind}" for kind, object_id in one_of_each.items()}
    assert reader.faults(new_id()) == {}


def test_every_answer_takes_few_statements(database: Database, reader: Reader, example: Stored) -> None:
    with statements(database) as seen:
        reader.statistics(example.tree.id)
        reader.events(example.tree.id, 10)
        reader.faults(example.tree.id)
        reader.locate(Kind.L7RULE, example.tree.rules[0].id)
    assert len(seen) == 4
