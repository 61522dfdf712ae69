"""What may not be together in one tree: Octavia's rules, as pure functions of the tree before and after an edit.

One module per kind of object, named like it. What they check is given rule by rule: all that an object breaks, and nothing is
raised. Which values a single attribute may have at all (type, length, range) is the business of the doors, whose formats differ.
What stands here holds whatever door an edit comes through.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from bascule.model.errors import Conflict, Invalid, NotFound, Refused, Several
from bascule.model.objects import Kind, Listener, Member, Object, Tree
from bascule.model.rules import deployment, health_monitor, l7policy, l7rule, listener, load_balancer, member, pool
from bascule.model.rules.deployment import Deployment
from bascule.model.rules.text import InvalidOption, InvalidRule, check_text

__all__ = ["EVERYTHING", "Deployment", "InvalidOption", "InvalidRule", "check", "check_vips"]

EVERYTHING = Deployment()
"""What is allowed where no operator says otherwise."""

_CHECKS: Mapping[Kind, Callable[[Tree, Any], Iterable[Refused]]] = {
    Kind.LOAD_BALANCER: load_balancer.check,
    Kind.LISTENER: listener.check,
    Kind.POOL: pool.check,
    Kind.MEMBER: member.check,
    Kind.HEALTH_MONITOR: health_monitor.check,
    Kind.L7POLICY: l7policy.check,
    Kind.L7RULE: l7rule.check,
}


def check(after: Tree, before: Tree | None, allowed: Deployment = EVERYTHING) -> None:
    """Refuse an edit that breaks rules, of the model or of the operator.

    `before` is the tree as it stands, None for a new load balancer. Only what is new or changed is looked at, and what it may not
    be together with. All broken rules are told at once.

    Raises NotFound for a reference to something that is not in the tree; where there is none, Invalid; where nothing is, Conflict.
    """
    changed = after.unlike(before)
    broken = [*_in_use(after, before), *_broken_in(after, changed), *_broken_among(after, changed)]
    for each in changed:
        broken += deployment.check(allowed, each, before.get(each.id) if before is not None else None)
    _refuse(broken)


def check_vips(tree: Tree) -> None:
    """Refuse what does not fit the addresses that a new load balancer has got. Raises Invalid."""
    broken = [*load_balancer.check(tree, tree.load_balancer)]
    for each in tree.listeners:
        broken += listener.check_cidrs(tree, each)
    _refuse(broken)


def _in_use(after: Tree, before: Tree | None) -> Iterator[Refused]:
    """A pool may not go while an L7 policy sends to it."""
    dropped = before.children.keys() - after.children.keys() if before is not None else ()
    for policy in after.policies if dropped else ():
        if policy.redirect_pool_id in dropped:
            yield Conflict(f"Pool {policy.redirect_pool_id} is in use by L7 policy {policy.id}")


def _broken_in(tree: Tree, changed: Sequence[Object]) -> Iterator[Refused]:
    """The rules that each object breaks, with its name where others of its kind could be meant."""
    counts = Counter(each.kind for each in changed)
    numbers: Counter[Kind] = Counter()
    for each in changed:
        numbers[each.kind] += 1
        for problem in (*check_text(each), *_CHECKS[each.kind](tree, each)):
            if counts[each.kind] > 1 and isinstance(problem, Invalid):
                problem.about = f"{each.kind} {getattr(each, 'name', '') or numbers[each.kind]}"
            yield problem


def _broken_among(tree: Tree, changed: Sequence[Object]) -> Iterator[Refused]:
    """The rules that objects break together."""
    if any(isinstance(each, Listener) for each in changed):
        yield from listener.check_ports(tree)
    if any(isinstance(each, Member) for each in changed):
        yield from member.check_duplicates(tree)
    yield from l7rule.check_counts(tree, changed)


def _refuse(problems: Sequence[Refused]) -> None:
    different = list({str(each): each for each in problems}.values())
    for kind in (NotFound, Invalid, Conflict):
        found = [each for each in different if isinstance(each, kind)]
        several = [each for each in found if isinstance(each, Invalid)]
        if len(several) > 1:
            raise Several(several)
        if found:
            raise found[0]
