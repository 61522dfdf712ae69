"""The service definition: what one unit should be at one generation, with every reference resolved.

Renderers see nothing else. It holds no secrets, only their references and digests, so it can be stored and shown.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bascule.model.objects import Kind, L7Policy, L7Rule, Listener, Object, Tree, owner_id
from bascule.model.secrets import SecretKind, SecretRef


@dataclass(frozen=True, slots=True)
class Subnet:
    """A declared subnet: addresses for VIPs, or for members, or both. `gateway` is None in routed or local subnets.

    `reserved` are addresses that no VIP may have, such as self IPs.
    """

    id: str
    name: str
    network_id: str
    cidr: str
    first: str
    last: str
    gateway: str | None = None
    vips: bool = True
    members: bool = True
    reserved: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SelfIP:
    """An address of a device's own in a subnet, without prefix length."""

    device: str
    subnet_id: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """How a network lies on the devices that carry load balancers in it.

    `vlan` is its tag on an interface of each device; None where traffic is routed to the devices and nothing is made there.
    `route_domain` 0 is the one that every device has.
    """

    id: str
    devices: tuple[str, ...]
    vlan: int | None = None
    interface: str = ""
    mtu: int = 1500
    route_domain: int = 0
    subnets: tuple[Subnet, ...] = ()
    self_ips: tuple[SelfIP, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceDefinition:
    """One load balancer at one generation.

    `replace` is the generation of the last failover: whatever carries the load balancer and was made before it is not wanted.
    `secrets` holds what the references in the tree stand for now; a reference that is missing there could not be resolved.
    `kept` holds what they stand for in objects that are kept in an earlier form, by object id.
    `route_domain` is that of its network where it is placed, 0 where there is none of its own.
    """

    unit_id: str
    generation: int
    replace: int
    tree: Tree
    secrets: Mapping[str, SecretRef] = field(default_factory=dict)
    kept: Mapping[str, Mapping[str, SecretRef]] = field(default_factory=dict)
    subnets: Mapping[str, Subnet] = field(default_factory=dict)
    route_domain: int = 0

    def secret(self, object_id: str, ref: str) -> SecretRef:
        """What a reference in an object stands for. Raises KeyError where it could not be resolved."""
        return self.kept.get(object_id, self.secrets)[ref]


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedDefinition:
    """One thing that several load balancers need on a data plane, such as a network.

    `network` is how it lies on the devices, where the lane has a network driver.
    """

    unit_id: str
    generation: int
    kind: str
    key: str
    network: Network | None = None


Definition = ServiceDefinition | SharedDefinition


SECRET_FIELDS: Mapping[Kind, Mapping[str, SecretKind]] = {
    Kind.LISTENER: {
        "default_tls_container_ref": SecretKind.CERTIFICATE,
        "sni_container_refs": SecretKind.CERTIFICATE,
        "client_ca_tls_container_ref": SecretKind.CA,
        "client_crl_container_ref": SecretKind.CRL,
    },
    Kind.POOL: {
        "tls_container_ref": SecretKind.CERTIFICATE,
        "ca_tls_container_ref": SecretKind.CA,
        "crl_container_ref": SecretKind.CRL,
    },
}
"""The attributes that hold references to secrets, and what each is used as, by the kind of object."""


SecretUses = Sequence[tuple[SecretKind, str]]
"""References to secrets, each with what it is used as."""


def secret_uses(kind: Kind, each: object) -> SecretUses:
    """What an object of this kind, or a body that asks for one, uses as what, in the order of the attributes."""
    found: dict[tuple[SecretKind, str], None] = {}
    for name, used_as in SECRET_FIELDS.get(kind, {}).items():
        value = getattr(each, name)
        refs = (value,) if isinstance(value, str) else value or ()
        found |= {(used_as, ref): None for ref in refs if ref}
    return list(found)


def secret_refs(each: Object) -> tuple[str, ...]:
    """The references to secrets that one object holds."""
    return tuple(dict.fromkeys(ref for _, ref in secret_uses(each.kind, each)))


def with_last_accepted(target: ServiceDefinition, accepted: ServiceDefinition | None, guilty: Iterable[str]) -> ServiceDefinition:
    """The definition with every guilty object in the form in which it was last accepted, or without it if it never was.

    A policy and its rules are one piece: with a rule missing it would match what nobody asked for. What points at something that
    is not there takes its last accepted form as well, or goes. Everything else stays as wanted.
    """
    before = accepted.tree if accepted else Tree(target.tree.load_balancer)
    tree, kept = target.tree, dict(target.kept)
    waiting = [_piece(tree, object_id) for object_id in guilty]
    done: set[str] = set()
    while waiting:
        object_id = waiting.pop()
        if object_id in done or object_id not in tree.children:
            continue
        done.add(object_id)
        waiting += _pointing_at(tree, object_id) if object_id not in before.children else []
        tree = _put_back(tree, before, object_id)
        if accepted and (child := tree.children.get(object_id)):
            kept[object_id] = {ref: accepted.secret(object_id, ref) for ref in secret_refs(child)}
    return dataclasses.replace(target, tree=_consistent(tree), kept=kept)


def _piece(tree: Tree, object_id: str) -> str:
    """The object that an object can only be accepted or refused together with."""
    child = tree.children.get(object_id)
    return child.l7policy_id if isinstance(child, L7Rule) else object_id


def _pointing_at(tree: Tree, pool_id: str) -> list[str]:
    listeners = [listener.id for listener in tree.listeners if listener.default_pool_id == pool_id]
    return listeners + [policy.id for policy in tree.policies if policy.redirect_pool_id == pool_id]


def _put_back(tree: Tree, before: Tree, object_id: str) -> Tree:
    """The tree with one object as it was before, a policy with the rules it had; without it if it was not there."""
    was = before.children.get(object_id)
    if was is None or isinstance(was, L7Policy):
        tree = tree.drop(object_id)
    if was is not None:
        tree = tree.put(was, *before.rules_of(object_id))
    return tree


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
