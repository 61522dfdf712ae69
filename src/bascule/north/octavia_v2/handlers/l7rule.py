"""L7 rules: handlers."""

from __future__ import annotations

from typing import Any

from bascule.model.errors import NotFound
from bascule.model.objects import Kind, L7Policy, L7Rule, Tree
from bascule.north.octavia_v2.door import Call, new_id
from bascule.north.octavia_v2.schemas import l7rule as schema
from bascule.north.octavia_v2.schemas.l7rule import L7RULE, L7RulePostBody, L7RulePutBody


def index(call: Call, l7policy_id: str) -> Any:
    """List the rules of an L7 policy."""
    call.located(Kind.L7POLICY, l7policy_id)
    return call.page(L7RULE, l7policy_id=l7policy_id)


def show(call: Call, l7policy_id: str, l7rule_id: str) -> Any:
    """Show an L7 rule."""
    return call.one(L7RULE, l7rule_id, owner=("l7policy_id", l7policy_id))


def create(call: Call, body: L7RulePostBody, l7policy_id: str) -> Any:
    """Add a rule to an L7 policy."""
    made = schema.created(body.rule, l7policy_id, new_id())

    def work(tree: Tree, policy: L7Policy) -> Tree:
        return tree.put(made)

    stored = call.change(Kind.L7POLICY, l7policy_id, work)
    return call.written(L7RULE, stored, made.id)


def update(call: Call, body: L7RulePutBody, l7policy_id: str, l7rule_id: str) -> Any:
    """Change an L7 rule."""

    def work(tree: Tree, each: L7Rule) -> Tree:
        _check_policy(each, l7policy_id)
        return tree.put(schema.changed(each, body.rule))

    stored = call.change(Kind.L7RULE, l7rule_id, work)
    return call.written(L7RULE, stored, l7rule_id)


def delete(call: Call, l7policy_id: str, l7rule_id: str) -> None:
    """Delete an L7 rule."""

    def work(tree: Tree, each: L7Rule) -> Tree:
        _check_policy(each, l7policy_id)
        return tree.drop(each.id)

    call.change(Kind.L7RULE, l7rule_id, work)


def _check_policy(each: L7Rule, l7policy_id: str) -> None:
    if each.l7policy_id != l7policy_id:
        raise NotFound(Kind.L7RULE, each.id)
