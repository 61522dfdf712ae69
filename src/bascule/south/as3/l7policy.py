"""L7 policies: the policies of a listener as one endpoint policy, or as one iRule where an endpoint policy cannot say all of them.

They are tried in the order of their positions and the first whose rules all match decides; so they all have to be in one place.
Every request is decided anew, also on a connection that had one before: what sends to a pool is followed by what sends to the
default one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bascule.model import effective
from bascule.model.objects import L7Policy, Listener, PolicyAction, Pool, Tree
from bascule.south.as3 import blame, irule, l7rule, names, pool, tls

_FOUND = 302
_EVENT = "request"


def render(tree: Tree, listener: Listener) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a service says of its endpoint policy, and the item for it, by name. Nothing if it has none, or an iRule for it."""
    rules = _rules(tree, listener)
    if not rules:
        return {}, {}
    name = names.item("pol", listener.id)
    return {"policyEndpoint": {"use": name}}, {name: {"class": "Endpoint_Policy", "strategy": "first-match", "rules": rules}}


def program(tree: Tree, listener: Listener) -> dict[str, Any]:
    """The iRule of a listener whose policies an endpoint policy cannot say, by name."""
    if _rules(tree, listener) is not None:
        return {}
    return irule.of(listener.id, "l7", _program(tree, listener))


def _default(tree: Tree, listener: Listener) -> Pool | None:
    default = tree.pool(listener.default_pool_id)
    return default if default and default.admin_state_up else None


# As an endpoint policy.


def _rules(tree: Tree, listener: Listener) -> list[dict[str, Any]] | None:
    """The rules of an endpoint policy, None if it cannot say one of them."""
    found: list[dict[str, Any]] = []
    policies, default = effective.policies(tree, listener), _default(tree, listener)
    for policy in policies:
        conditions = [l7rule.condition(rule) for rule in effective.rules(tree, policy)]
        actions = _actions(tree, policy)
        if actions is None or None in conditions:
            return None
        found.append({"name": names.item("pol", policy.id), "conditions": conditions, "actions": actions})
    if any(policy.action is PolicyAction.REDIRECT_TO_POOL for policy in policies):
        if default is None:
            return None
        found.append({"name": "default", "actions": _forward(default)})
    return found


def _actions(tree: Tree, policy: L7Policy) -> list[dict[str, Any]] | None:
    """What a policy does. A policy on the device can neither answer 403 nor keep a path."""
    target = tree.pool(policy.redirect_pool_id)
    if policy.action is PolicyAction.REDIRECT_TO_POOL and target:
        return _forward(target)
    if policy.action is PolicyAction.REDIRECT_TO_URL and l7rule.is_plain(policy.redirect_url or ""):
        code = policy.redirect_http_code or _FOUND
        return [{"type": "httpRedirect", "event": _EVENT, "location": policy.redirect_url, "code": code}]
    return None


def _forward(target: Pool) -> list[dict[str, Any]]:
    return [{"type": "forward", "event": _EVENT, "select": {"pool": {"use": pool.name(target)}}}]


# As an iRule.


def _program(tree: Tree, listener: Listener) -> str:
    policies, default = effective.policies(tree, listener), _default(tree, listener)
    lines = ["when HTTP_REQUEST priority 300 {"]
    for policy in policies:
        tests = " && ".join(l7rule.test(rule, tls.ends(listener)) for rule in effective.rules(tree, policy))
        lines += [
            f"    {blame.note(names.item('pol', policy.id))}",
            f"    if {{ {tests} }} {{",
            *(f"        {line}" for line in _does(tree, policy)),
            "        return",
            "    }",
        ]
    if any(policy.action is PolicyAction.REDIRECT_TO_POOL for policy in policies):
        lines.append(f"    {_chosen(tree, default) if default else 'HTTP::respond 503 noserver'}")
    return "\n".join([*lines, "}"])


def _does(tree: Tree, policy: L7Policy) -> Iterator[str]:
    code = policy.redirect_http_code or _FOUND
    target = tree.pool(policy.redirect_pool_id)
    match policy.action:
        case PolicyAction.REJECT:
            yield "HTTP::respond 403 noserver"
        case PolicyAction.REDIRECT_TO_URL:
            yield f"HTTP::respond {code:d} noserver Location {irule.word(policy.redirect_url or '')}"
        case PolicyAction.REDIRECT_PREFIX:
            yield f"set prefix {irule.word(policy.redirect_prefix or '')}"
            yield f"HTTP::respond {code:d} noserver Location $prefix[HTTP::uri]"
        case PolicyAction.REDIRECT_TO_POOL if target:
            yield _chosen(tree, target)


def _chosen(tree: Tree, target: Pool) -> str:
    return f"pool /{names.tenant_name(tree.id)}/{names.APPLICATION}/{pool.name(target)}"
