"""What may not be together in one tree: Octavia's rules, as pure functions of the tree before and after an edit.

One module per kind of object, named like it. Which values a single attribute may have at all (type, length, range) is
the business of the doors, whose formats differ. What stands here holds whatever door an edit comes through.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bascule.model.errors import Conflict
from bascule.model.objects import Kind, Listener, Member, Tree
from bascule.model.rules import health_monitor, l7policy, l7rule, listener, load_balancer, member, pool
from bascule.model.rules.text import InvalidOption, InvalidRule, check_text

__all__ = ["InvalidOption", "InvalidRule", "check"]

_CHECKS: Mapping[Kind, Callable[[Tree, Any], None]] = {
    Kind.LOAD_BALANCER: load_balancer.check,
    Kind.LISTENER: listener.check,
    Kind.POOL: pool.check,
    Kind.MEMBER: member.check,
    Kind.HEALTH_MONITOR: health_monitor.check,
    Kind.L7POLICY: l7policy.check,
    Kind.L7RULE: l7rule.check,
}


def check(after: Tree, before: Tree | None) -> None:
    """Refuse an edit that breaks a rule. `before` is the tree as it stands, None for a new load balancer.

    Only what is new or changed is looked at, and what it may not be together with.

    Raises Invalid, Conflict, or NotFound for a reference to something that is not in the tree.
    """
    changed = [each for each in after.objects() if before is None or before.get(each.id) != each]
    if before is not None:
        _check_dropped(after, before)
    for each in changed:
        check_text(each)
        _CHECKS[each.kind](after, each)
    if any(isinstance(each, Listener) for each in changed):
        listener.check_ports(after)
    if any(isinstance(each, Member) for each in changed):
        member.check_duplicates(after)
    l7rule.check_counts(after, changed)


def _check_dropped(after: Tree, before: Tree) -> None:
    """A pool may not go while an L7 policy sends to it."""
    dropped = before.children.keys() - after.children.keys()
    for policy in after.policies if dropped else ():
        if policy.redirect_pool_id in dropped:
            raise Conflict(f"Pool {policy.redirect_pool_id} is in use by L7 policy {policy.id}")
