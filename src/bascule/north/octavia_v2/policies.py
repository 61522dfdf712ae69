"""The rules that guard routes.

The names are those of the original API, so that policy files written for it can be used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bascule.north.octavia_v2.access import PREFIX
from bascule.north.octavia_v2.routes import ROUTES, Route

READ, WRITE, GLOBAL = "rule:load-balancer:read", "rule:load-balancer:write", "rule:load-balancer:read-global"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule with the check that stands for it unless an operator says otherwise. `operations` are methods and paths."""

    name: str
    check: str
    text: str
    operations: tuple[tuple[str, str], ...] = ()


ROLES = (
    Rule("load-balancer:owner", "project_id:%(project_id)s", "Speaks for the project that the object belongs to."),
    Rule("load-balancer:admin", "is_admin:True or role:admin", "May do everything, in every project."),
    Rule("load-balancer:observer_and_owner", "role:reader and rule:load-balancer:owner", "May look, in the own project."),
    Rule("load-balancer:global_observer", "role:admin", "May look, in every project."),
    Rule("load-balancer:member_and_owner", "role:member and rule:load-balancer:owner", "May look and change, in the own project."),
    Rule(
        "load-balancer:read",
        "rule:load-balancer:observer_and_owner or rule:load-balancer:global_observer or "
        "rule:load-balancer:member_and_owner or rule:load-balancer:admin",
        "May look at an object.",
    ),
    Rule("load-balancer:read-global", "rule:load-balancer:global_observer or rule:load-balancer:admin", "May list every project."),
    Rule("load-balancer:quota-admin", "role:admin", "May look at and set the quotas of every project."),
    Rule("load-balancer:read-quota", "rule:load-balancer:read or rule:load-balancer:quota-admin", "May look at a quota."),
    Rule(
        "load-balancer:read-quota-global",
        "rule:load-balancer:global_observer or rule:load-balancer:quota-admin or rule:load-balancer:admin",
        "May list the quotas of every project.",
    ),
    Rule("load-balancer:write-quota", "rule:load-balancer:quota-admin or rule:load-balancer:admin", "May set a quota."),
    Rule("load-balancer:write", "rule:load-balancer:member_and_owner or rule:load-balancer:admin", "May change an object."),
)
"""What the other rules are made of."""


def rules() -> Iterator[Rule]:
    """The rules that guard routes, and those that these are made of."""
    yield from ROLES
    guarded: dict[str, list[Route]] = {}
    for route in ROUTES:
        if route.policy is not None:
            guarded.setdefault(route.policy, []).append(route)
    for policy, found in guarded.items():
        first = found[0]
        operations = tuple((route.method, route.canonical) for route in found)
        text = (first.handler.__doc__ or "").strip().partition("\n")[0]
        yield Rule(PREFIX + policy, first.check or (READ if first.method == "GET" else WRITE), text, operations)
        for name in first.policies_of:
            yield Rule(f"{PREFIX}{policy}:{name}", first.check or WRITE, f"{text.removesuffix('.')}, with {name}.", operations)
        if first.lists is not None and first.lists.of_projects and "{" not in first.path:
            yield Rule(
                f"{PREFIX}{policy}-global", first.check_global or GLOBAL, f"{text.removesuffix('.')}, of all projects.", operations
            )
