"""Load balancers come back from the tables as they were saved, in few statements, on every kind of database."""

from __future__ import annotations

import dataclasses

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bascule.model.objects import (
    Child,
    Kind,
    Listener,
    ListenerProtocol,
    LoadBalancer,
    Tree,
)
from bascule.model.status import Operating, Provisioning, Standing
from bascule.store import trees
from bascule.store.engine import Database
from bascule.store.tables import objects, tag
from bascule.store.trees import Stored
from tests import strategies
from tests.store.examples import add, leave, new_id, standard, statements, stored

pytestmark = pytest.mark.slow

random_examples = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def save(database: Database, before: Stored | None, after: Stored) -> Stored:
    """Save, and give what is there then."""
    database.write(lambda conn: trees.save(conn, before, after))
    return load(database, after.tree.id).get(after.tree.id, after)


def load(database: Database, *ids: str) -> dict[str, Stored]:
    with database.read() as conn:
        return trees.load(conn, ids)


def assert_stored(database: Database, expected: Stored) -> None:
    found = load(database, expected.tree.id)[expected.tree.id]
    assert found == expected
    assert list(found.tree.children) == list(expected.tree.children)
    assert list(found.leaving) == list(expected.leaving)
    with database.read() as conn:
        rows = conn.execute(sa.select(tag.c.object_id, tag.c.tag).where(tag.c.load_balancer_id == expected.tree.id))
        tags = sorted((row.object_id, row.tag) for row in rows)
    everything = [*expected.tree.objects(), *expected.leaving.values()]
    assert tags == sorted({(each.id, text) for each in everything for text in each.tags})


@st.composite
def edits(draw: st.DrawFn) -> tuple[Stored, Stored]:
    """A load balancer and what it may become: everything below it kept, changed, deleted or gone, and more created."""
    tree = draw(strategies.trees())
    before = Stored(tree, {}, {each.id: draw(strategies.standings()) for each in tree.objects()}, draw(strategies.texts))
    keys = {"id", "pool_id", "listener_id", "l7policy_id", "protocol", "protocol_port", "address"}
    wanted: dict[str, Child] = {}
    leaving: dict[str, Child] = {}
    for child in tree.children.values():
        fate = draw(st.sampled_from(["kept", "changed", "deleted", "gone"]))
        if fate == "kept":
            wanted[child.id] = child
        elif fate == "changed":
            kept = {field.name: st.just(getattr(child, field.name)) for field in dataclasses.fields(child)}
            same = {name: value for name, value in kept.items() if name in keys}
            wanted[child.id] = draw(strategies.built(type(child), **same))
        elif fate == "deleted":
            leaving[child.id] = child
    taken = {listener.protocol_port for listener in tree.listeners}
    for child in draw(strategies.children(most=1)):
        if not (isinstance(child, Listener) and child.protocol_port in taken):
            wanted[child.id] = child
    root = draw(strategies.built(LoadBalancer, id=st.just(tree.id), project_id=st.just(tree.load_balancer.project_id)))
    standing = {object_id: draw(strategies.standings()) for object_id in (root.id, *wanted)}
    standing |= {object_id: draw(strategies.standings(deleted=True)) for object_id in leaving}
    return before, Stored(Tree(root, wanted), leaving, standing, before.origin)


@given(edit=edits())
@random_examples
def test_everything_comes_back_as_it_was_saved(database: Database, edit: tuple[Stored, Stored]) -> None:
    before, after = edit
    there = save(database, None, before)
    assert_stored(database, before)
    save(database, there, after)
    assert_stored(database, after)


def test_every_load_balancer_comes_back_with_its_own_children(database: Database) -> None:
    saved = [stored(standard()) for _ in range(3)]
    database.write(lambda conn: trees.save_all(conn, [(None, each) for each in saved]))
    assert load(database, *(each.tree.id for each in saved), new_id()) == {each.tree.id: each for each in saved}
    assert load(database) == {}


def test_new_children_come_after_those_that_were_there(database: Database) -> None:
    first = save(database, None, stored(standard()))
    rules = first.tree.rules[0]
    more = [dataclasses.replace(rules, id=new_id()) for _ in range(3)]
    second = save(database, first, add(first, more[0]))
    third = save(database, second, add(second, more[1], more[2]))
    newest = third.tree.drop(more[2].id)
    fourth = save(database, third, dataclasses.replace(third, tree=newest, standings=_without(third, more[2].id)))
    fifth = save(database, fourth, add(fourth, dataclasses.replace(rules, id=new_id())))
    assert_stored(database, fifth)


def _without(before: Stored, gone: str) -> dict[str, Standing]:
    return {object_id: standing for object_id, standing in before.standings.items() if object_id != gone}


def replacement(child: Child) -> Child:
    return dataclasses.replace(child, id=new_id())


@pytest.mark.parametrize("kind", [Kind.LISTENER, Kind.MEMBER, Kind.HEALTH_MONITOR, Kind.POOL])
@pytest.mark.parametrize("at_once", [True, False])
def test_what_is_deleted_can_be_created_again_at_once(database: Database, kind: Kind, at_once: bool) -> None:
    before = save(database, None, stored(standard()))
    for _ in range(2):
        child = next(each for each in before.tree.children.values() if each.kind is kind)
        after = leave(before, child.id)
        if not at_once:
            before = save(database, before, after)
        before = save(database, before, add(after, replacement(child)))
        assert_stored(database, before)


@pytest.mark.parametrize("kind", [Kind.LISTENER, Kind.MEMBER])
def test_two_of_the_same_cannot_both_be_wanted(database: Database, kind: Kind) -> None:
    before = save(database, None, stored(standard()))
    child = next(each for each in before.tree.children.values() if each.kind is kind)
    with pytest.raises(sa.exc.IntegrityError):
        save(database, before, add(before, replacement(child)))
    assert_stored(database, before)


def test_what_stays_can_take_the_place_of_what_goes(database: Database) -> None:
    before = save(database, None, stored(standard()))
    goes, stays = before.tree.listeners
    after = leave(before, goes.id)
    moved = after.tree.put(dataclasses.replace(stays, protocol_port=goes.protocol_port))
    cut_off = dataclasses.replace(goes, default_pool_id=None)
    after = dataclasses.replace(after, tree=moved, leaving={**after.leaving, goes.id: cut_off})
    assert_stored(database, save(database, before, after))


def test_listeners_of_different_transports_share_a_port(database: Database) -> None:
    before = save(database, None, stored(standard()))
    tcp = before.tree.listeners[0]
    udp, sctp = (
        dataclasses.replace(tcp, id=new_id(), protocol=protocol) for protocol in (ListenerProtocol.UDP, ListenerProtocol.SCTP)
    )
    assert_stored(database, save(database, before, add(before, udp, sctp)))


def changed_member(before: Stored) -> Stored:
    member = before.tree.members[0]
    return dataclasses.replace(before, tree=before.tree.put(dataclasses.replace(member, weight=7)))


def all_online(before: Stored) -> Stored:
    after = {
        object_id: dataclasses.replace(standing, operating_status=Operating.ONLINE)
        for object_id, standing in before.standings.items()
    }
    return dataclasses.replace(before, standings=after)


def test_only_what_differs_is_written(database: Database) -> None:
    before = save(database, None, stored(standard()))

    def written(old: Stored, new: Stored) -> list[str]:
        with statements(database) as seen:
            database.write(lambda conn: trees.save(conn, old, new))
        return [" ".join(each.split()[:3]) for each in seen]

    assert written(before, before) == []
    assert written(before, dataclasses.replace(before, standings=dict(before.standings))) == []
    heavier = changed_member(before)
    assert written(before, heavier) == ["UPDATE member SET"]
    online = all_online(heavier)
    assert written(heavier, online) == [f"UPDATE {table} SET" for table in objects]
    root = dataclasses.replace(online.tree.load_balancer, tags=("blue",))
    tagged = dataclasses.replace(online, tree=online.tree.put(root))
    assert written(online, tagged) == ["UPDATE load_balancer SET", "DELETE FROM tag", "INSERT INTO tag"]
    assert_stored(database, tagged)


def test_a_change_of_standing_writes_no_attribute(database: Database) -> None:
    before = save(database, None, stored(standard()))
    with statements(database) as seen:
        database.write(lambda conn: trees.save(conn, before, all_online(before)))
    for statement in seen:
        assert "operating_status" in statement
        assert "admin_state_up" not in statement


@pytest.mark.parametrize("count", [1, 10, 200])
def test_loading_takes_as_many_statements_for_many_as_for_one(sqlite_database: Database, count: int) -> None:
    saved = [stored(standard()) for _ in range(count)]
    sqlite_database.write(lambda conn: trees.save_all(conn, [(None, each) for each in saved]))
    with statements(sqlite_database) as seen:
        assert len(load(sqlite_database, *(each.tree.id for each in saved))) == count
    assert len(seen) == (1 if count == 1 else len(objects))


@pytest.mark.slow
def test_a_thousand_load_balancers_are_loaded_and_saved_at_once(database: Database) -> None:
    saved = [stored(standard()) for _ in range(1000)]
    with statements(database) as seen:
        database.write(lambda conn: trees.save_all(conn, [(None, each) for each in saved]))
    assert len(seen) == len(objects) + 1  # every kind, and tags
    ids = [each.tree.id for each in saved]
    with statements(database) as seen:
        found = load(database, *ids)
    assert found == {each.tree.id: each for each in saved}
    assert len(seen) == len(objects)


def growth(before: Stored) -> Stored:
    """Something of everything: changed, created, deleted, gone, another standing."""
    after = changed_member(all_online(before))
    after = add(leave(after, after.tree.listeners[0].id), replacement(after.tree.listeners[0]))
    gone = after.tree.monitors[0].id
    return dataclasses.replace(after, tree=after.tree.drop(gone), standings=_without(after, gone))


@pytest.mark.parametrize("count", [1, 30])
def test_saving_takes_as_many_statements_for_many_as_for_one(sqlite_database: Database, count: int) -> None:
    saved = [save(sqlite_database, None, stored(standard())) for _ in range(count)]
    grown = [growth(each) for each in saved]
    with statements(sqlite_database) as seen:
        sqlite_database.write(lambda conn: trees.save_all(conn, zip(saved, grown, strict=True)))
    assert sorted(" ".join(each.split()[:3]) for each in seen) == sorted(
        [
            *(f"UPDATE {table} SET" for table in objects if table != "health_monitor"),
            "UPDATE member SET",  # another weight is one statement, another standing another
            "INSERT INTO listener",
            "DELETE FROM health_monitor",
            "INSERT INTO tag",
        ]
    )
    assert load(sqlite_database, *(each.tree.id for each in grown)) == {each.tree.id: each for each in grown}


def test_what_is_deleted_for_good_is_neither_loaded_nor_located(database: Database) -> None:
    before = save(database, None, stored(standard()))
    root, member = before.tree.id, before.tree.members[0].id
    place = (root, before.tree.load_balancer.project_id)
    with database.read() as conn:
        assert trees.locate(conn, Kind.LOAD_BALANCER, root) == place
        assert trees.locate(conn, Kind.MEMBER, member) == place
        assert trees.locate(conn, Kind.POOL, member) is None
    going = save(database, before, leave(before, *before.tree.children))
    with database.read() as conn:
        assert trees.locate(conn, Kind.MEMBER, member) == place
    gone = dataclasses.replace(going.standings[root], provisioning_status=Provisioning.DELETED)
    save(database, going, Stored(Tree(going.tree.load_balancer), {}, {root: gone}, going.origin))
    assert load(database, root) == {}
    with database.read() as conn:
        assert [trees.locate(conn, kind, each) for kind, each in ((Kind.LOAD_BALANCER, root), (Kind.MEMBER, member))] == [
            None,
            None,
        ]
        kept = {name: conn.scalar(sa.select(sa.func.count()).select_from(table)) for name, table in objects.items()}
    assert kept == dict.fromkeys(objects, 0) | {"load_balancer": 1}
