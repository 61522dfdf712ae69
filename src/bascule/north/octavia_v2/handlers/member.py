"""Members: handlers."""

from __future__ import annotations

from typing import Any

from bascule.model.errors import NotFound
from bascule.model.objects import Kind, Member, Pool, Tree
from bascule.north.octavia_v2 import members, query
from bascule.north.octavia_v2.door import Call, new_id
from bascule.north.octavia_v2.errors import Malformed
from bascule.north.octavia_v2.schemas import member as schema
from bascule.north.octavia_v2.schemas.member import (
    MEMBER,
    MemberPostBody,
    MemberPutBody,
    MembersPutBody,
)

_TWICE = "Validation failure: members: an address and protocol_port may be given only once"


def index(call: Call, pool_id: str) -> Any:
    """List the members of a pool."""
    call.located(Kind.POOL, pool_id)
    return call.page(MEMBER, pool_id=pool_id)


def show(call: Call, pool_id: str, member_id: str) -> Any:
    """Show a member."""
    return call.one(MEMBER, member_id, owner=("pool_id", pool_id))


def create(call: Call, body: MemberPostBody, pool_id: str) -> Any:
    """Add a member to a pool."""
    wanted = body.member
    call.refuse_all(members.check(call.door.subnets, [wanted]), Kind.POOL, pool_id)
    made = schema.created(wanted, pool_id, new_id())

    def work(tree: Tree, pool: Pool) -> Tree:
        return tree.put(made)

    stored = call.change(Kind.POOL, pool_id, work)
    return call.written(MEMBER, stored, made.id)


def update(call: Call, body: MemberPutBody, pool_id: str, member_id: str) -> Any:
    """Change a member."""
    wanted = body.member
    call.refuse_all(members.check(call.door.subnets, [wanted]), Kind.MEMBER, member_id)

    def work(tree: Tree, each: Member) -> Tree:
        _check_pool(each, pool_id)
        return tree.put(schema.changed(each, wanted))

    stored = call.change(Kind.MEMBER, member_id, work)
    return call.written(MEMBER, stored, member_id)


def delete(call: Call, pool_id: str, member_id: str) -> None:
    """Delete a member."""

    def work(tree: Tree, each: Member) -> Tree:
        _check_pool(each, pool_id)
        return tree.drop(each.id)

    call.change(Kind.MEMBER, member_id, work)


def replace_all(call: Call, body: MembersPutBody, pool_id: str) -> None:
    """Say what all members of a pool are. Those not mentioned are deleted, unless `additive_only` is asked for."""
    additive = query.flag(call.params, "additive_only")
    call.require(Kind.POOL, pool_id, "member:post", *(() if additive else ("member:delete",)))
    wanted = {(str(each.address), each.protocol_port): each for each in body.members}
    if len(wanted) < len(body.members):
        call.refuse_all([Malformed(_TWICE)], Kind.POOL, pool_id)
    call.refuse_all(members.check(call.door.subnets, body.members), Kind.POOL, pool_id)

    def work(tree: Tree, pool: Pool) -> Tree:
        before = {(each.address, each.protocol_port): each for each in tree.members_of(pool.id)}
        gone = [] if additive else [each.id for place, each in before.items() if place not in wanted]
        changed = [
            schema.replaced(before[place], each) if place in before else schema.created(each, pool.id, new_id())
            for place, each in wanted.items()
        ]
        return tree.drop(*gone).put(*changed)

    call.change(Kind.POOL, pool_id, work)


def _check_pool(each: Member, pool_id: str) -> None:
    if each.pool_id != pool_id:
        raise NotFound(Kind.MEMBER, each.id)
