"""Lists are filtered, sorted and cut into pages alike on every kind of database, in few statements."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bascule.model.errors import Invalid
from bascule.model.objects import Child, Kind, LoadBalancer, Member, PolicyAction, Tree, Vip
from bascule.model.status import Provisioning, Stamps, Standing
from bascule.store import lists, trees
from bascule.store.engine import Database
from bascule.store.lists import Query, Shown
from bascule.store.trees import Stored
from tests.store.examples import add, leave, new_id, standard, statements, stored

pytestmark = pytest.mark.slow

random_examples = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def save(database: Database, *many: Stored) -> None:
    database.write(lambda conn: trees.save_all(conn, [(None, each) for each in many]))


def save_after(database: Database, before: Stored, after: Stored) -> Stored:
    database.write(lambda conn: trees.save(conn, before, after))
    return after


def find(database: Database, kind: Kind, **query: Any) -> list[Shown]:
    with database.read() as conn:
        return lists.many(conn, kind, Query(**query))


def one(database: Database, kind: Kind, object_id: str) -> Shown | None:
    with database.read() as conn:
        return lists.one(conn, kind, object_id)


def ids(found: Iterable[Shown]) -> list[str]:
    return [each.row.id for each in found]


def bare(**attributes: Any) -> Stored:
    """A load balancer with nothing below it."""
    basic = {"id": new_id(), "project_id": "p", "provider": "memory", "vip": Vip(address="192.0.2.1")}
    return stored(Tree(LoadBalancer(**basic | attributes)))


def standing(before: Stored, **changes: Any) -> Stored:
    """The load balancer itself standing differently."""
    root = before.tree.id
    changed = dataclasses.replace(before.standings[root], **changes)
    return dataclasses.replace(before, standings={**before.standings, root: changed})


# What an object shows


def test_an_object_shows_its_row_and_what_belongs_to_it(database: Database) -> None:
    example = stored(standard())
    tree = example.tree
    pools, listeners, policy = tree.pools, tree.listeners, tree.policies[0]
    redirect = dataclasses.replace(
        policy, id=new_id(), position=1, action=PolicyAction.REDIRECT_TO_POOL, redirect_pool_id=pools[0].id
    )
    second = dataclasses.replace(policy, position=2)
    example = add(dataclasses.replace(example, tree=tree.put(second)), redirect)
    save(database, example, stored(standard()))
    expected: dict[tuple[Kind, str], dict[str, list[str]]] = {
        (Kind.LOAD_BALANCER, tree.id): {
            "listeners": [each.id for each in listeners],
            "pools": [each.id for each in pools],
        },
        (Kind.LISTENER, listeners[0].id): {"l7policies": []},
        (Kind.LISTENER, listeners[1].id): {"l7policies": [redirect.id, second.id]},
        (Kind.POOL, pools[0].id): {
            "listeners": [each.id for each in listeners],
            "members": [each.id for each in tree.members_of(pools[0].id)],
            "health_monitors": [],
        },
        (Kind.POOL, pools[1].id): {
            "listeners": [listeners[1].id],
            "members": [each.id for each in tree.members_of(pools[1].id)],
            "health_monitors": [tree.monitors[0].id],
        },
        (Kind.MEMBER, tree.members[0].id): {},
        (Kind.HEALTH_MONITOR, tree.monitors[0].id): {},
        (Kind.L7POLICY, second.id): {"l7rules": [tree.rules[0].id]},
        (Kind.L7RULE, tree.rules[0].id): {},
    }
    for (kind, object_id), related in expected.items():
        alone = one(database, kind, object_id)
        assert alone is not None
        assert alone.row.id == object_id
        assert alone.row.provisioning_status == "PENDING_CREATE"
        assert {name: list(found) for name, found in alone.related.items()} == related
        (listed,) = (each for each in find(database, kind) if each.row.id == object_id)
        assert listed.row == alone.row
        assert {name: list(found) for name, found in listed.related.items()} == related


def test_a_row_has_the_columns_of_the_table(database: Database) -> None:
    example = bare(name="web", vip_sg_ids=("a", "b"), tags=("red",), admin_state_up=False)
    save(database, example)
    shown = one(database, Kind.LOAD_BALANCER, example.tree.id)
    assert shown is not None
    row = shown.row
    assert (row.name, row.admin_state_up, row.vip_address, row.origin) == ("web", False, "192.0.2.1", "octavia")
    assert (row.vip_sg_ids, row.tags, row.additional_vips) == (["a", "b"], ["red"], [])
    assert (row.created_at, row.updated_at) == (1_700_000_000.25, None)


def test_what_is_leaving_is_shown_and_what_is_gone_is_not(database: Database) -> None:
    example = stored(standard())
    save(database, example)
    listener = example.tree.listeners[0].id
    going = save_after(database, example, leave(example, *example.tree.children))
    assert [each.row.provisioning_status for each in find(database, Kind.LISTENER)] == ["PENDING_DELETE"] * 2
    assert one(database, Kind.LISTENER, listener) is not None
    root = going.tree.id
    gone = dataclasses.replace(going.standings[root], provisioning_status=Provisioning.DELETED)
    save_after(database, going, Stored(going.tree, {}, {root: gone}, going.origin))
    for kind, object_id in ((Kind.LOAD_BALANCER, root), (Kind.LISTENER, listener)):
        assert one(database, kind, object_id) is None
        assert find(database, kind) == []
        assert find(database, kind, filters={"id": object_id}) == []


@pytest.mark.parametrize("kind", list(Kind))
def test_a_list_takes_as_many_statements_for_many_as_for_one(sqlite_database: Database, kind: Kind) -> None:
    counts = set()
    for _ in range(3):
        save(sqlite_database, *(stored(standard()) for _ in range(20)))
        with statements(sqlite_database) as seen:
            found = find(sqlite_database, kind)
            assert len(find(sqlite_database, kind, limit=20, not_tags_any=("x", "y"))) == 20
        assert len(found) >= 20
        counts.add(len(seen))
    with statements(sqlite_database) as seen:
        one(sqlite_database, kind, found[0].row.id)
    assert counts == {2 * len(seen)}
    assert len(seen) <= 4


# Filters


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, "abc"),
        ({"name": "a"}, "a"),
        ({"name": "A"}, ""),
        ({"name": "a "}, ""),
        ({"name": "nobody"}, ""),
        ({"name": "a", "admin_state_up": True}, "a"),
        ({"name": "a", "admin_state_up": False}, ""),
        ({"admin_state_up": False}, "c"),
        ({"vip_subnet_id": None}, "bc"),
        ({"vip_subnet_id": "net"}, "a"),
        ({"project_id": "p", "vip_address": "192.0.2.1"}, "abc"),
        ({"provisioning_status": "ACTIVE"}, "b"),
        ({"created_at": 1_700_000_000}, "abc"),
        ({"created_at": 1_700_000_001}, ""),
        ({"updated_at": 1_800_000_000}, "c"),
        ({"updated_at": None}, "ab"),
        ({"name": "a\0"}, ""),
        ({"name": "\ud800"}, ""),
        ({"created_at": float("nan")}, ""),
        ({"created_at": float("inf")}, ""),
        ({"created": 1}, "abc"),
        ({"created": 2**31}, ""),
        ({"live": -(2**15) - 1}, ""),
    ],
)
def test_filters_are_exact(database: Database, filters: dict[str, Any], expected: str) -> None:
    save(
        database,
        bare(name="a", vip=Vip(address="192.0.2.1", subnet_id="net")),
        standing(bare(name="b"), provisioning_status=Provisioning.ACTIVE),
        standing(bare(name="c", admin_state_up=False), updated_at=1_800_000_000.75),
    )
    assert sorted(each.row.name for each in find(database, Kind.LOAD_BALANCER, filters=filters)) == list(expected)


@pytest.mark.parametrize("value", [2**31 - 1, 2**31, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 10**30])
def test_a_number_of_any_size_is_a_filter(database: Database, value: int) -> None:
    save(database, stored(standard()))
    assert find(database, Kind.LISTENER, filters={"timeout_client_data": value}) == []
    assert find(database, Kind.MEMBER, filters={"weight": value}) == []


def test_columns_that_hold_structure_are_no_filters(database: Database) -> None:
    for query in ({"filters": {"vip_sg_ids": "a"}}, {"sort": (("additional_vips", True),)}):
        with pytest.raises(Invalid, match=r"vip_sg_ids|additional_vips"):
            find(database, Kind.LOAD_BALANCER, **query)


_TAGS = ("red", "green", "Red", "red ", "grün", "1")


@given(data=st.data())
@random_examples
def test_tags(database: Database, data: st.DataObject) -> None:
    some = st.lists(st.sampled_from(_TAGS), max_size=4, unique=True).map(tuple)
    tagged = [bare(tags=data.draw(some), description=project) for project in [new_id()] for _ in range(5)]
    save(database, *tagged)
    asked = {name: data.draw(some) for name in ("tags", "tags_any", "not_tags", "not_tags_any")}

    def wanted(tags: set[str]) -> bool:
        has_all, has_any, lacks_one, lacks_all = (set(each) for each in asked.values())
        return (
            has_all <= tags
            and (not has_any or bool(has_any & tags))
            and (not lacks_one or not lacks_one <= tags)
            and not (lacks_all & tags)
        )

    described = tagged[0].tree.load_balancer.description
    found = find(database, Kind.LOAD_BALANCER, filters={"description": described}, **asked)
    expected = [each.tree.id for each in tagged if wanted(set(each.tree.load_balancer.tags))]
    assert sorted(ids(found)) == sorted(expected)


@pytest.mark.parametrize("kind", list(Kind))
def test_tags_of_every_kind(database: Database, kind: Kind) -> None:
    tree = standard()
    for each in list(tree.objects()):
        tree = tree.put(dataclasses.replace(each, tags=(f"its {each.kind}", each.id)))
    save(database, stored(tree))
    everything = [each.id for each in tree.objects() if each.kind is kind]
    assert sorted(ids(find(database, kind, tags=(f"its {kind}",)))) == sorted(everything)
    assert ids(find(database, kind, tags=(f"its {kind}", everything[0]))) == [everything[0]]
    assert find(database, kind, not_tags_any=(f"its {kind}",)) == []


def test_tags_follow_the_objects(database: Database) -> None:
    before = bare(tags=("red", "green"))
    save(database, before)
    root = dataclasses.replace(before.tree.load_balancer, tags=("green", "blue"))
    save_after(database, before, dataclasses.replace(before, tree=before.tree.put(root)))
    assert [len(find(database, Kind.LOAD_BALANCER, tags=(each,))) for each in ("red", "green", "blue")] == [0, 1, 1]


@pytest.mark.parametrize("name", ["tags", "tags_any", "not_tags", "not_tags_any"])
def test_a_tag_that_cannot_be_is_refused(database: Database, name: str) -> None:
    for tag in ("a\0b", "\udfff"):
        with pytest.raises(Invalid, match=name):
            find(database, Kind.POOL, **{name: ("red", tag)})


# Order and pages


@st.composite
def members(draw: st.DrawFn) -> Stored:
    """A load balancer with one pool of members that are much alike."""
    tree = standard()
    pool = tree.pools[0]
    below: dict[str, Child] = {pool.id: pool}
    times = {}
    for number in range(draw(st.integers(0, 9))):
        member = Member(
            id=new_id(),
            pool_id=pool.id,
            address=f"198.51.100.{number}",
            protocol_port=80,
            name=draw(st.sampled_from(["", "a", "B", "ä", "b "])),
            weight=draw(st.integers(0, 2)),
            monitor_port=draw(st.sampled_from([None, 1, 2])),
            subnet_id=draw(st.sampled_from([None, "x"])),
        )
        below[member.id] = member
        times[member.id] = draw(st.sampled_from([0.1, 1.5, 1_700_000_000.123456]))
    standings = {object_id: Standing(stamps=Stamps(1, 1), created_at=times.get(object_id, 0.0)) for object_id in (tree.id, *below)}
    return Stored(Tree(tree.load_balancer, below), {}, standings, "octavia")


_SORTED = ("name", "weight", "monitor_port", "subnet_id", "created_at", "id", "updated_at")
_orders = st.lists(st.tuples(st.sampled_from(_SORTED), st.booleans()), max_size=3, unique_by=lambda key: key[0]).map(tuple)


@given(example=members(), sort=_orders, limit=st.integers(1, 4))
@random_examples
def test_pages_together_are_the_list(database: Database, example: Stored, sort: tuple[tuple[str, bool], ...], limit: int) -> None:
    save(database, example)
    query = Query(filters={"load_balancer_id": example.tree.id}, sort=sort)
    with database.read() as conn:
        page = functools.partial(lists.many, conn, Kind.MEMBER)
        everything = ids(page(query))
        assert sorted(everything) == sorted(member.id for member in example.tree.members)
        forward: list[str] = []
        while found := ids(page(dataclasses.replace(query, limit=limit, marker=forward[-1] if forward else None))):
            forward += found
        assert forward == everything
        backward: list[str] = []
        back = dataclasses.replace(query, limit=limit, reverse=True)
        while found := ids(page(dataclasses.replace(back, marker=backward[0] if backward else None))):
            backward = found + backward
        assert backward == everything


@given(example=members(), sort=_orders)
@random_examples
def test_order(database: Database, example: Stored, sort: tuple[tuple[str, bool], ...]) -> None:
    save(database, example)
    sort = tuple(key for key in sort if key[0] != "name")  # each database has its own order of texts
    found = [each.row for each in find(database, Kind.MEMBER, filters={"load_balancer_id": example.tree.id}, sort=sort)]

    def compare(one: sa.Row[Any], other: sa.Row[Any]) -> int:
        for name, ascending in (*sort, ("created_at", True), ("id", True)):
            left, right = ((getattr(row, name) is not None, getattr(row, name) or 0) for row in (one, other))
            if left != right:
                return 1 if (left > right) is ascending else -1
        return 0

    assert found == sorted(found, key=functools.cmp_to_key(compare))


def test_a_page_goes_on_after_its_marker_was_deleted(database: Database) -> None:
    first, second = (standing(bare(), created_at=at) for at in (1.0, 2.0))
    save(database, first, second)
    save_after(database, first, standing(first, provisioning_status=Provisioning.DELETED))
    assert ids(find(database, Kind.LOAD_BALANCER, marker=first.tree.id)) == [second.tree.id]


@pytest.mark.parametrize("marker", ["", "nobody", "a\0", "\ud800"])
def test_an_unknown_marker_is_refused(database: Database, marker: str) -> None:
    save(database, stored(standard()))
    with pytest.raises(Invalid, match="marker"):
        find(database, Kind.LISTENER, marker=marker)


def test_a_marker_of_another_kind_is_refused(database: Database) -> None:
    example = stored(standard())
    save(database, example)
    with pytest.raises(Invalid, match="marker"):
        find(database, Kind.LISTENER, marker=example.tree.id)


def test_what_belongs_to_the_objects_of_a_page_is_found_for_any_query(database: Database) -> None:
    for port in (80, 90, 100):
        save(database, stored(standard(port)))
    queries: list[dict[str, Any]] = [
        {},
        {"limit": 2},
        {"limit": 1, "sort": (("default_pool_id", False),)},
        {"limit": 2, "reverse": True, "tags": ("red",)},
        {"filters": {"protocol_port": 91, "hsts_max_age": None}},
    ]
    for query in queries:
        found = find(database, Kind.LISTENER, **query)
        assert found
        page = find(database, Kind.LISTENER, **query | {"marker": found[0].row.id})
        for each in (*found, *page):
            alone = one(database, Kind.LISTENER, each.row.id)
            assert alone is not None
            assert list(each.related["l7policies"]) == list(alone.related["l7policies"])
            with_policies = each.row.protocol_port % 10 == 1
            assert bool(each.related["l7policies"]) is with_policies
