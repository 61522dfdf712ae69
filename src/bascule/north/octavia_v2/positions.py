"""The positions of L7 policies: 1 to n in every listener, without gaps. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from bascule.model.objects import L7Policy, Tree


def placed(tree: Tree, policy: L7Policy, position: int) -> Tree:
    """The tree with a policy at a position of its listener, or at the end where that is too far. The others make room."""
    others = [each for each in tree.policies_of(policy.listener_id) if each.id != policy.id]
    at = min(position - 1, len(others))
    return tree.put(*_numbered([*others[:at], policy, *others[at:]]))


def arranged(policies: Sequence[L7Policy], positions: Iterable[int]) -> list[L7Policy]:
    """All policies of a new listener, as they are when each is put at its position after those before it. In the same order."""
    order: list[int] = []
    for at, position in enumerate(positions):
        order.insert(position - 1, at)
    places = {at: position for position, at in enumerate(order, 1)}
    return [dataclasses.replace(policy, position=places[at]) for at, policy in enumerate(policies)]


def removed(tree: Tree, policy: L7Policy) -> Tree:
    """The tree without a policy and its rules. The others close the gap."""
    tree = tree.drop(policy.id)
    return tree.put(*_numbered(tree.policies_of(policy.listener_id)))


def _numbered(policies: Iterable[L7Policy]) -> list[L7Policy]:
    return [dataclasses.replace(policy, position=position) for position, policy in enumerate(policies, 1)]
