"""Keeping the last accepted form of what is guilty, and the rest as wanted."""

from __future__ import annotations

import dataclasses
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.core import codec
from bascule.model.definition import ServiceDefinition, with_last_accepted
from bascule.model.objects import L7Policy, Listener, Tree, owner_id
from bascule.model.secrets import Secret, SecretRef
from tests.scenarios.world import standard


def _definition(tree: Tree, generation: int = 1) -> ServiceDefinition:
    return ServiceDefinition(unit_id=tree.id, generation=generation, replace=0, tree=tree)


def _has_no_loose_ends(tree: Tree) -> bool:
    for child in tree.children.values():
        if (owner := owner_id(child)) is not None and owner not in tree.children:
            return False
        if isinstance(child, Listener) and child.default_pool_id and tree.pool(child.default_pool_id) is None:
            return False
        if isinstance(child, L7Policy) and child.redirect_pool_id and tree.pool(child.redirect_pool_id) is None:
            return False
    return True


@given(st.data())
def test_whoever_is_guilty_the_rest_holds_together(data: st.DataObject) -> None:
    before = standard()
    gone = data.draw(st.sets(st.sampled_from(sorted(before.children)), max_size=3))
    after = before
    for object_id in gone:
        if object_id in after.children:
            using = [policy.id for policy in after.policies if policy.redirect_pool_id == object_id]
            after = after.drop(object_id, *using)
    guilty = data.draw(st.sets(st.sampled_from(sorted(before.children)), max_size=4))
    accepted = data.draw(st.sampled_from([None, _definition(before)]))
    result = with_last_accepted(_definition(after, 2), accepted, guilty)
    assert _has_no_loose_ends(result.tree)
    rules = {rule.id for rule in before.rules}  # they come and go with their policy
    untouched = set(result.tree.children) - guilty - rules
    assert untouched <= set(after.children)


def test_an_accepted_form_that_points_at_a_pool_that_is_gone_points_nowhere() -> None:
    before = standard()
    front = before.listeners[0]
    after = before.drop(front.default_pool_id or "").put(dataclasses.replace(front, default_pool_id=None, name="new"))
    result = with_last_accepted(_definition(after, 2), _definition(before), [front.id])
    kept = result.tree.listener(front.id)
    assert kept is not None
    assert (kept.name, kept.default_pool_id) == ("front", None)


def test_a_policy_and_its_rules_are_one_piece() -> None:
    """With one of its rules missing a policy would match what nobody asked for."""
    before = standard()
    policy = before.policies[0]
    second = dataclasses.replace(before.rules[0], id="second", value="/more")
    accepted = _definition(before)
    result = with_last_accepted(_definition(before.put(second), 2), accepted, ["second"])
    assert [rule.id for rule in result.tree.rules_of(policy.id)] == [before.rules[0].id]
    never = with_last_accepted(_definition(before.put(second), 2), None, ["second"])
    assert never.tree.policy(policy.id) is None


def test_what_points_at_a_new_pool_that_is_refused_stays_where_it_was() -> None:
    before = standard()
    front = before.listeners[0]
    new = dataclasses.replace(before.pools[0], id="new", name="new")
    after = before.put(new, dataclasses.replace(front, default_pool_id=new.id))
    result = with_last_accepted(_definition(after, 2), _definition(before), [new.id])
    assert result.tree == before


def test_a_definition_survives_the_store() -> None:
    tree = standard()
    secret = SecretRef("project", "shop.pem", "ab" * 32)
    definition = dataclasses.replace(_definition(tree), secrets={"shop.pem": secret})
    assert codec.decode(codec.encode(definition)) == definition


def test_a_secret_does_not_show() -> None:
    secret = Secret(b"hunter2")
    assert "hunter2" not in f"{secret} {secret!r}"
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    assert secret.reveal() == b"hunter2"
