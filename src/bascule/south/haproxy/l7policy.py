"""L7 policies, in the frontend of their listener.

Policies are tried in the order of their positions and the first whose rules all match decides, whatever its action. HAProxy itself
would choose a backend only after every redirect and denial; so a policy that sends to a pool leaves its id in a variable, and
policies behind it are tried only where that is not set.
"""

from __future__ import annotations

from bascule.model import effective
from bascule.model.objects import L7Policy, Listener, PolicyAction, Pool, Tree
from bascule.south.haproxy import l7rule
from bascule.south.haproxy.quoting import log_format, name

_REDIRECTS = {PolicyAction.REDIRECT_TO_URL: "location", PolicyAction.REDIRECT_PREFIX: "prefix"}


def backend_name(pool: Pool, mode: str) -> str:
    """The backend section of a pool. A pool used by listeners of both modes has two."""
    return f"{name(pool.id)}:{mode}"


def render(tree: Tree, listener: Listener, mode: str) -> list[str]:
    """The rules and decisions of a listener's policies."""
    decisions: list[str] = []
    choices: list[str] = []
    for policy in effective.policies(tree, listener):
        decisions.append(f"    # l7policy {policy.id}")
        rules = effective.rules(tree, policy)
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
