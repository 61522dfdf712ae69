"""What of a tree takes effect: what is enabled, and has nothing disabled in its way."""

from __future__ import annotations

from bascule.model.objects import HealthMonitor, L7Policy, L7Rule, Listener, PolicyAction, Tree


def policies(tree: Tree, listener: Listener) -> list[L7Policy]:
    """The policies of a listener that can decide something, by position.

    A policy without enabled rules never matches. One that sends to a disabled pool does not count.
    """
    return [policy for policy in tree.policies_of(listener.id) if _decides(tree, policy)]


def _decides(tree: Tree, policy: L7Policy) -> bool:
    if not policy.admin_state_up or not rules(tree, policy):
        return False
    target = tree.pool(policy.redirect_pool_id)
    return policy.action is not PolicyAction.REDIRECT_TO_POOL or (target is not None and target.admin_state_up)


def rules(tree: Tree, policy: L7Policy) -> list[L7Rule]:
    """The rules of a policy that have to match."""
    return [rule for rule in tree.rules_of(policy.id) if rule.admin_state_up]


def monitor(tree: Tree, pool_id: str) -> HealthMonitor | None:
    """The monitor by which the members of a pool are probed."""
    return next((each for each in tree.monitors_of(pool_id) if each.admin_state_up), None)
