"""L7 policies: handlers."""

from __future__ import annotations

from typing import Any

from bascule.model.objects import Kind, L7Policy, Listener, Tree
from bascule.north.octavia_v2.door import Call, new_id
from bascule.north.octavia_v2.positions import placed, removed
from bascule.north.octavia_v2.schemas import l7policy as schema
from bascule.north.octavia_v2.schemas import l7rule
from bascule.north.octavia_v2.schemas.l7policy import L7POLICY, LAST, L7PolicyPostBody, L7PolicyPutBody
from bascule.north.octavia_v2.wire import known


def index(call: Call) -> Any:
    """List L7 policies."""
    return call.page(L7POLICY)


def show(call: Call, l7policy_id: str) -> Any:
    """Show an L7 policy."""
    return call.one(L7POLICY, l7policy_id)


def create(call: Call, body: L7PolicyPostBody) -> Any:
    """Add an L7 policy to a listener."""
    wanted, listener_id = body.l7policy, body.l7policy.listener_id
    made = schema.created(wanted, listener_id, new_id())
    rules = [l7rule.created(rule, made.id, new_id()) for rule in known(wanted.rules) or []]

    def work(tree: Tree, listener: Listener) -> Tree:
        return placed(tree, made, known(wanted.position) or LAST).put(*rules)

    call.change(Kind.LISTENER, listener_id, work)
    return call.one_again(L7POLICY, made.id)


def update(call: Call, body: L7PolicyPutBody, l7policy_id: str) -> Any:
    """Change an L7 policy, or its place among the others."""
    wanted = body.l7policy

    def work(tree: Tree, each: L7Policy) -> Tree:
        return placed(tree, schema.changed(each, wanted), known(wanted.position) or each.position)

    call.change(Kind.L7POLICY, l7policy_id, work)
    return call.one_again(L7POLICY, l7policy_id)


def delete(call: Call, l7policy_id: str) -> None:
    """Delete an L7 policy with its rules."""
    call.change(Kind.L7POLICY, l7policy_id, removed)
