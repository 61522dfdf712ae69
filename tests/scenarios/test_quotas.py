"""How much projects have is counted without fail, and never more than they may have; `test_machine.py` counts after every step."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import pytest
import sqlalchemy as sa

from bascule.core.quotas import Quotas
from bascule.core.writer import Writer
from bascule.model.errors import Conflict, QuotaMet
from bascule.model.objects import Kind, Member, Tree
from bascule.store import quotas
from bascule.store.engine import Database
from bascule.store.tables import objects
from tests.scenarios.conftest import Build
from tests.scenarios.world import ORIGIN, PROJECT, World, bare, new_id
from tests.store.examples import statements


def used(database: Database, project_id: str = PROJECT) -> Mapping[Kind, int]:
    """What a project has, as it is counted."""
    with database.read() as conn:
        return quotas.one(conn, project_id).used


def there(database: Database, project_id: str = PROJECT) -> Mapping[Kind, int]:
    """What a project has, from the rows of the objects themselves: wanted, leaving, in whatever state."""
    found: dict[Kind, int] = {}
    with database.read() as conn:
        for name, table in objects.items():
            here = (table.c.project_id == project_id, table.c.provisioning_status != "DELETED")
            found[Kind(name)] = conn.scalar(sa.select(sa.func.count()).select_from(table).where(*here)) or 0
    return found


def test_what_is_leaving_counts_until_it_is_gone(world: World) -> None:
    tree = world.create()
    everything = used(world.database)
    assert everything == there(world.database) == {kind: sum(each.kind is kind for each in tree.objects()) for kind in Kind}
    world.drop(tree.id, tree.members[0].id)
    assert used(world.database) == everything, "a data plane still has it"
    world.settle()
    assert used(world.database) == {**everything, Kind.MEMBER: everything[Kind.MEMBER] - 1}
    world.delete(tree.id)
    world.device.switches.failing[tree.id] = "cannot be reached"
    world.tick(700)
    world.tick(700)
    assert world.status(tree.id) == "ERROR"
    assert used(world.database)[Kind.LOAD_BALANCER] == 1
    world.device.switches.failing.clear()
    world.settle()
    assert used(world.database) == dict.fromkeys(Kind, 0) == there(world.database)


def test_what_exceeds_a_limit_is_refused_and_nothing_of_it_is_there(world: World) -> None:
    rules = Quotas(world.database, {Kind.POOL: 1})
    world.writer = Writer(world.database, world.backends, world.subnets, default_quotas={Kind.POOL: 1}, clock=world.clock)
    rules.limit(PROJECT, {Kind.LISTENER: 1, Kind.MEMBER: 0})
    with pytest.raises(QuotaMet) as refused:
        world.create()
    assert list(refused.value.kinds) == [Kind.LISTENER, Kind.POOL, Kind.MEMBER]
    assert used(world.database) == there(world.database) == dict.fromkeys(Kind, 0)
    rules.limit(PROJECT, {Kind.POOL: -1, Kind.LISTENER: None, Kind.MEMBER: -1})
    tree = world.create()
    rules.limit(PROJECT, {Kind.MEMBER: 0})
    before = used(world.database)
    with pytest.raises(QuotaMet):
        world.put(tree.id, replace(tree.members[0], id=new_id(), protocol_port=99))
    world.rename(tree.id, "what is there stays, and can be changed")
    assert used(world.database) == before == there(world.database)


def test_members_can_be_replaced_where_there_is_no_room_for_more(world: World) -> None:
    """As in Octavia, what a batch removes makes room for what it adds, though it is still there for a while."""
    tree = world.create()
    Quotas(world.database, {}).limit(PROJECT, {Kind.MEMBER: len(tree.members)})
    old = tree.members[0]

    def change(number: int) -> Tree:
        def swap(now: Tree) -> Tree:
            return now.drop(old.id).put(*(replace(old, id=new_id(), protocol_port=5000 + each) for each in range(number)))

        return world.writer.edit(tree.id, swap, origin=ORIGIN).tree

    with pytest.raises(QuotaMet):
        change(2)
    after = change(1)
    assert used(world.database)[Kind.MEMBER] == there(world.database)[Kind.MEMBER] == len(tree.members) + 1
    with pytest.raises(QuotaMet):
        world.put(tree.id, Member(id=new_id(), pool_id=old.pool_id, address=old.address, protocol_port=6000))
    world.settle()
    assert used(world.database)[Kind.MEMBER] == len(after.members)


def test_many_at_a_time_never_get_more_than_there_may_be(build: Build, database_url: str) -> None:
    world = build()
    Quotas(world.database, {}).limit(PROJECT, {Kind.LOAD_BALANCER: 7})

    with closing(Database(database_url)) as other, ThreadPoolExecutor(12) as pool:
        writers = itertools.cycle([world.writer, Writer(other, world.backends, world.subnets)])
        assert sum(pool.map(_created, writers, [bare() for _ in range(40)])) == 7
    assert used(world.database) == there(world.database)
    assert used(world.database)[Kind.LOAD_BALANCER] == 7


def test_room_that_is_made_while_one_is_refused_is_counted(build: Build, database_url: str) -> None:
    world = build()
    if world.database.dialect == "sqlite":
        return  # nobody else writes meanwhile
    world.create(bare())
    Quotas(world.database, {}).limit(PROJECT, {Kind.LOAD_BALANCER: 1})
    with closing(Database(database_url)) as other:
        looks = itertools.count(1)

        def make_room(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
            """At the last moment: before the project's numbers are read to say what it has too many of."""
            if statement.startswith("SELECT quota") and next(looks) == 2:
                other.write(lambda conn: quotas.give_back(conn, {PROJECT: {Kind.LOAD_BALANCER: 1}}))

        sa.event.listen(world.database.engines[1], "before_cursor_execute", make_room)
        world.create(bare())
    assert next(looks) > 2
    assert used(world.database)[Kind.LOAD_BALANCER] == 1


def _created(writer: Writer, tree: Tree) -> bool:
    try:
        writer.create(tree, origin=ORIGIN)
    except QuotaMet:
        return False
    return True


def test_the_first_ones_of_a_project_may_come_at_a_time(build: Build) -> None:
    world = build()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda tree: world.writer.create(tree, origin=ORIGIN), [bare() for _ in range(8)]))
    assert used(world.database)[Kind.LOAD_BALANCER] == 8


def test_a_refused_edit_is_not_counted(world: World) -> None:
    tree = world.create()
    before = used(world.database)
    with pytest.raises(Conflict):
        world.put(tree.id, replace(tree.listeners[0], id=new_id()))
    assert used(world.database) == before == there(world.database)


def test_counting_takes_one_statement_however_much_there_is(world: World) -> None:
    world.create(bare())
    for tree in (bare(), world.create()):
        with statements(world.database) as sent:
            if tree.children:
                world.put(tree.id, replace(tree.members[0], id=new_id(), protocol_port=99))
            else:
                world.create(tree)
        assert sum("quota" in each for each in sent) == 1
    with statements(world.database) as sent:
        world.tick()
    assert sum("quota" in each for each in sent) == 0, "nothing is gone"
