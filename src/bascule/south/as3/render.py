"""From a service definition to the declaration of one AS3 tenant. Pure.

One load balancer is one tenant with one application, so that the fault of one never touches another. Nothing in a declaration is a
name or description that a user gave: they are for people and would only be texts to be quoted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from bascule.model import refusals
from bascule.model.backend import Refusal
from bascule.model.definition import ServiceDefinition
from bascule.model.documents import Documents
from bascule.model.objects import HealthMonitor, L7Policy, L7Rule, Listener, LoadBalancer, Member, Object, Pool, Tree
from bascule.south.as3 import health_monitor, l7rule, listener, member, pool
from bascule.south.as3.names import APPLICATION, tenant_name
from bascule.south.as3.options import Options


def render(definition: ServiceDefinition, options: Options) -> Documents:
    """The tenant of a load balancer, as JSON without secrets.

    Raises KeyError for a reference that the definition does not resolve.
    """
    tree = definition.tree
    items = listener.addresses(definition)
    for each in tree.listeners:
        items |= listener.render(definition, each, options)
    for used in _pools(tree):
        items |= pool.render(definition, used)
    application = {"class": "Application", "template": "generic", **items}
    tenant = {"class": "Tenant", APPLICATION: application}
    if definition.replace:  # a failover sends everything again
        tenant["remark"] = f"replace {definition.replace}"
    return {tenant_name(tree.id): json.dumps(tenant, sort_keys=True, separators=(",", ":"))}


def _pools(tree: Tree) -> Iterator[Pool]:
    """The pools that listeners send traffic to."""
    used: dict[str, Any] = {each.id: each for at in tree.listeners for each in tree.pools_of(at.id)}
    return (each for each in tree.pools if each.id in used and each.admin_state_up)


def refuse(tree: Tree, options: Options) -> list[Refusal]:
    """What of a tree BIG-IP, as driven from here, can never carry."""
    return refusals.collect(tree, lambda each: _texts(each, tree, options))


def _texts(each: Object, tree: Tree, options: Options) -> Iterator[str]:
    match each:
        case LoadBalancer():
            yield from refusals.of_load_balancer(each)
        case Listener():
            yield from listener.refuse(each, tree)
        case Pool():
            yield from pool.refuse(each, tree)
        case Member():
            yield from member.refuse(each, tree)
        case HealthMonitor():
            yield from health_monitor.refuse(each, tree)
        case L7Policy():
            yield from refusals.of_l7policy(each, tree)
        case L7Rule():
            yield from l7rule.refuse(each, options.regular_expressions)
