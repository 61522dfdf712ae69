"""Load balancers to store, what may become of them, and a look at the statements that are sent."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from bascule.model.objects import (
    Algorithm,
    Child,
    CompareType,
    HealthMonitor,
    L7Policy,
    L7Rule,
    Listener,
    ListenerProtocol,
    LoadBalancer,
    Member,
    MonitorType,
    PolicyAction,
    Pool,
    PoolProtocol,
    RuleType,
    Tree,
    Vip,
)
from bascule.model.status import Provisioning, Stamps, Standing
from bascule.store.engine import Database
from bascule.store.trees import Stored


def new_id() -> str:
    return str(uuid.uuid4())


def standard(listener_port: int = 80) -> Tree:
    """Two listeners with a pool of two members each, a monitor, an L7 policy with a rule."""
    root = LoadBalancer(id=new_id(), project_id=new_id(), provider="memory", vip=Vip(address="192.0.2.1"), tags=("red",))
    below: list[Child] = []
    for number in range(2):
        pool = Pool(id=new_id(), protocol=PoolProtocol.HTTP, lb_algorithm=Algorithm.ROUND_ROBIN)
        listener = Listener(
            id=new_id(),
            protocol=ListenerProtocol.HTTP,
            protocol_port=listener_port + number,
            default_pool_id=pool.id,
            tags=("red", "green"),
        )
        below += [pool, listener]
        below += [Member(id=new_id(), pool_id=pool.id, address=f"198.51.100.{last}", protocol_port=80) for last in (1, 2)]
    below.append(HealthMonitor(id=new_id(), pool_id=pool.id, type=MonitorType.TCP, delay=5, timeout=5, max_retries=3))
    policy = L7Policy(id=new_id(), listener_id=listener.id, action=PolicyAction.REJECT, position=1)
    rule = L7Rule(id=new_id(), l7policy_id=policy.id, type=RuleType.PATH, compare_type=CompareType.STARTS_WITH, value="/admin")
    below += [policy, rule]
    return Tree(root, {child.id: child for child in below})


def stored(tree: Tree) -> Stored:
    standing = Standing(stamps=Stamps(1, 1), created_at=1_700_000_000.25)
    return Stored(tree, {}, {each.id: standing for each in tree.objects()}, "octavia")


def leave(before: Stored, *gone: str) -> Stored:
    """The load balancer after these children were deleted and before anything carried that out."""
    tree = before.tree.drop(*gone)
    leaving = {child.id: child for child in before.tree.children.values() if child.id not in tree.children}
    standings_after = dict(before.standings)
    for child_id in leaving:
        was = standings_after[child_id]
        standings_after[child_id] = dataclasses.replace(
            was, stamps=dataclasses.replace(was.stamps, deleted=2), provisioning_status=Provisioning.PENDING_DELETE
        )
    return Stored(tree, {**before.leaving, **leaving}, standings_after, before.origin)


def add(before: Stored, *new: Child) -> Stored:
    standing = Standing(stamps=Stamps(3, 3), created_at=1_700_000_001.5)
    standings_after = {**before.standings, **{child.id: standing for child in new}}
    return dataclasses.replace(before, tree=before.tree.put(*new), standings=standings_after)


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """The statements that read or write tables, as they are sent."""
    seen: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.split(maxsplit=1)[0] in {"SELECT", "INSERT", "UPDATE", "DELETE"}:
            seen.append(statement)

    for engine in database.engines:
        sa.event.listen(engine, "before_cursor_execute", note)
    yield seen
    for engine in database.engines:
        sa.event.remove(engine, "before_cursor_execute", note)
