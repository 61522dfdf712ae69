"""L7 policies, in the frontend of their listener.

Policies are tried in the order of their positions and the first whose rules all match decides, whatever its action. HAProxy itself
would choose a backend only after every redirect and denial; so a policy that sends to a pool leaves its id in a variable, and
policies behind it are tried only where that is not set.
"""

from __future__ import annotations

from collections.abc import Iterator

from bascule.model.objects import L7Policy, L7Rule, Listener, ListenerProtocol, PolicyAction, Pool, Tree
from bascule.south.haproxy import l7rule
from bascule.south.haproxy.quoting import log_format, name, printable

_REDIRECTS = {PolicyAction.REDIRECT_TO_URL: "location", PolicyAction.REDIRECT_PREFIX: "prefix"}


def backend_name(pool: Pool, mode: str) -> str:
    """The backend section of a pool. A pool used by listeners of both modes has two."""
    return f"{name(pool.id)}:{mode}"


def active(tree: Tree, listener: Listener) -> list[L7Policy]:
    """The policies of a listener that can decide something, by position.

    A policy without enabled rules never matches. One that sends to a disabled pool does not count.
    """
    return [policy for policy in tree.policies_of(listener.id) if _active(tree, policy)]


def _active(tree: Tree, policy: L7Policy) -> bool:
    if not policy.admin_state_up or not _enabled(tree, policy):
        return False
    if policy.action is not PolicyAction.REDIRECT_TO_POOL:
        return True
    pool = tree.pool(policy.redirect_pool_id)
    return pool is not None and pool.admin_state_up


def _enabled(tree: Tree, policy: L7Policy) -> list[L7Rule]:
    return [rule for rule in tree.rules_of(policy.id) if rule.admin_state_up]


def render(tree: Tree, listener: Listener, mode: str) -> list[str]:
    """The rules and decisions of a listener's policies."""
    decisions: list[str] = []
    choices: list[str] = []
    for policy in active(tree, listener):
        decisions.append(f"    # l7policy {policy.id}")
        rules = _enabled(tree, policy)
        for rule in rules:
            decisions += l7rule.render(rule)
        conditions = [f"!{rule.id}" if rule.invert else rule.id for rule in rules]
        if choices:
            conditions.append("!chosen")
        decisions += [f"    # l7policy {policy.id}", f"    http-request {_action(policy)} if {' '.join(conditions)}"]
        pool = tree.pool(policy.redirect_pool_id)
        if policy.action is PolicyAction.REDIRECT_TO_POOL and pool:
            if not choices:
                decisions.append("    acl chosen var(txn.policy) -m found")
            choices.append(f"    use_backend {backend_name(pool, mode)} if {{ var(txn.policy) -m str {policy.id} }}")
    return decisions + choices


def _action(policy: L7Policy) -> str:
    if policy.action is PolicyAction.REJECT:
        return "deny deny_status 403"
    if policy.action is PolicyAction.REDIRECT_TO_POOL:
        return f"set-var(txn.policy) str({name(policy.id)})"
    target = policy.redirect_url if policy.action is PolicyAction.REDIRECT_TO_URL else policy.redirect_prefix
    return f"redirect {_REDIRECTS[policy.action]} {log_format(target or '')} code {policy.redirect_http_code or 302:d}"


def refuse(policy: L7Policy, tree: Tree) -> Iterator[str]:
    """What of a policy cannot be carried."""
    listener = tree.listener(policy.listener_id)
    if listener and listener.protocol not in (ListenerProtocol.HTTP, ListenerProtocol.TERMINATED_HTTPS):
        yield f"{listener.protocol} protocol listeners do not support L7 policies; HTTP and TERMINATED_HTTPS listeners do."
    for field, value in (("redirect_url", policy.redirect_url), ("redirect_prefix", policy.redirect_prefix)):
        if value is not None and not (value and printable(value)):
            yield f"{field} must not be empty and must not have control characters."
