"""Service definitions as text, for the store. What was accepted is kept in this form and read back as equal values."""

from __future__ import annotations

import msgspec

from bascule.model.definition import ServiceDefinition, Subnet
from bascule.model.objects import (
    Child,
    HealthMonitor,
    Kind,
    L7Policy,
    L7Rule,
    Listener,
    LoadBalancer,
    Member,
    Pool,
    Tree,
)
from bascule.model.secrets import SecretRef


class _Stored(msgspec.Struct):
    unit_id: str
    generation: int
    replace: int
    load_balancer: LoadBalancer
    children: list[tuple[Kind, msgspec.Raw]]
    secrets: list[SecretRef]
    subnets: list[Subnet]
    kept: dict[str, list[SecretRef]] = {}
    route_domain: int = 0


_TYPES: dict[Kind, type[Child]] = {each.kind: each for each in (Listener, Pool, Member, HealthMonitor, L7Policy, L7Rule)}
_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(_Stored)
_CHILDREN = {kind: msgspec.json.Decoder(each) for kind, each in _TYPES.items()}


def encode(definition: ServiceDefinition) -> str:
    """A definition as JSON. It holds references and digests, never content of secrets."""
    children = [(child.kind, msgspec.Raw(_ENCODER.encode(child))) for child in definition.tree.children.values()]
    stored = _Stored(
        definition.unit_id,
        definition.generation,
        definition.replace,
        definition.tree.load_balancer,
        children,
        list(definition.secrets.values()),
        list(definition.subnets.values()),
        {object_id: list(secrets.values()) for object_id, secrets in definition.kept.items()},
        definition.route_domain,
    )
    return _ENCODER.encode(stored).decode()


def decode(text: str) -> ServiceDefinition:
    """The definition that `encode` made this text from."""
    stored = _DECODER.decode(text)
    children = [_CHILDREN[kind].decode(raw) for kind, raw in stored.children]
    return ServiceDefinition(
        unit_id=stored.unit_id,
        generation=stored.generation,
        replace=stored.replace,
        tree=Tree(stored.load_balancer, {child.id: child for child in children}),
        secrets=_by_ref(stored.secrets),
        kept={object_id: _by_ref(secrets) for object_id, secrets in stored.kept.items()},
        subnets={subnet.id: subnet for subnet in stored.subnets},
        route_domain=stored.route_domain,
    )


def _by_ref(secrets: list[SecretRef]) -> dict[str, SecretRef]:
    return {secret.ref: secret for secret in secrets}
