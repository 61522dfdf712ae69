"""The service definition: what one unit should be at one generation, with every reference resolved.

Renderers see nothing else. It holds no secrets, only their references and digests, so it can be stored and shown.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bascule.model.objects import L7Policy, Listener, Object, Pool, Tree, owner_id
from bascule.model.secrets import SecretRef


@dataclass(frozen=True, slots=True)
class Subnet:
    """A declared subnet: addresses for VIPs, or for members, or both. `gateway` is None in routed or local subnets."""

    id: str
    name: str
    network_id: str
    cidr: str
    first: str
    last: str
    gateway: str | None = None
    vips: bool = True
    members: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceDefinition:
    """One load balancer at one generation.

    `replace` is the generation of the last failover: whatever carries the load balancer and was made before it is not wanted.
    `secrets` holds what the references in the tree stand for now; a reference that is missing there could not be resolved.
    """

    unit_id: str
    generation: int
    replace: int
    tree: Tree
    secrets: Mapping[str, SecretRef] = field(default_factory=dict)
    subnets: Mapping[str, Subnet] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedDefinition:
    """One thing that several load balancers need on a data plane, such as a network. `users` are their unit ids, sorted."""

    unit_id: str
    generation: int
    kind: str
    key: str
    users: tuple[str, ...]


Definition = ServiceDefinition | SharedDefinition


def secret_refs(each: Object) -> tuple[str, ...]:
    """The references to secrets that one object holds."""
    if isinstance(each, Listener):
        single = (each.default_tls_container_ref, each.client_ca_tls_container_ref, each.client_crl_container_ref)
        return tuple(ref for ref in (*single, *each.sni_container_refs) if ref)
    if isinstance(each, Pool):
        return tuple(ref for ref in (each.tls_container_ref, each.ca_tls_container_ref, each.crl_container_ref) if ref)
    return ()


def with_last_accepted(target: ServiceDefinition, accepted: ServiceDefinition | None, guilty: Iterable[str]) -> ServiceDefinition:
    """The definition with every guilty object in the form in which it was last accepted, or without it if it never was.

    Everything else stays as wanted. Where the old form points at something that is gone, it points nowhere instead.
    """
    tree = target.tree
    secrets = dict(target.secrets)
    for object_id in guilty:
        before = accepted.tree.get(object_id) if accepted else None
        if accepted is not None and before is not None and object_id in tree.children:
            tree = tree.put(before)
            secrets.update({ref: accepted.secrets[ref] for ref in secret_refs(before) if ref in accepted.secrets})
        elif accepted is not None and before is not None and object_id == tree.id:
            tree = tree.put(before)
        else:
            using = (policy.id for policy in tree.policies if policy.redirect_pool_id == object_id)
            tree = tree.drop(object_id, *using)
    return dataclasses.replace(target, tree=_consistent(tree), secrets=secrets)


def _consistent(tree: Tree) -> Tree:
    """The tree without anything that points at, or belongs to, what is not in it."""
    for child in list(tree.children.values()):
        owner = owner_id(child)
        lost = owner is not None and owner not in tree.children
        if isinstance(child, L7Policy) and child.redirect_pool_id and child.redirect_pool_id not in tree.children:
            lost = True
        if lost:
            tree = tree.drop(child.id)
        elif isinstance(child, Listener) and child.default_pool_id and child.default_pool_id not in tree.children:
            tree = tree.put(dataclasses.replace(child, default_pool_id=None))
    return tree
