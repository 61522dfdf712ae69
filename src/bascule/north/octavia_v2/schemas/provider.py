"""Providers: answers."""

from __future__ import annotations

from bascule.north.octavia_v2.schemas.common import Answer


class ProviderAnswer(Answer, kw_only=True):
    """A kind of data plane that load balancers can be carried by."""

    name: str
    description: str


class ProvidersBody(Answer, kw_only=True):
    """All of them."""

    providers: list[ProviderAnswer]


class CapabilityAnswer(Answer, kw_only=True):
    """Something that a profile can tell a provider."""

    name: str
    description: str


class FlavorCapabilitiesBody(Answer, kw_only=True):
    """What flavors can tell a provider."""

    flavor_capabilities: list[CapabilityAnswer]


class AvailabilityZoneCapabilitiesBody(Answer, kw_only=True):
    """What availability zones can tell a provider."""

    availability_zone_capabilities: list[CapabilityAnswer]
