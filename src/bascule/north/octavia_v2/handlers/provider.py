"""Providers: handlers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bascule.core.offers import Offers
from bascule.model.offers import Capability
from bascule.north.octavia_v2 import offering, query
from bascule.north.octavia_v2.door import Call
from bascule.north.octavia_v2.schemas.provider import CapabilityAnswer, ProviderAnswer

FILTERS = ("name", "description")
"""Attributes by which each of these lists can be filtered."""


def index(call: Call) -> Any:
    """List the providers that load balancers can be made with."""
    call.authorise_here()
    found = [ProviderAnswer(name=name, description=text) for name, text in sorted(call.door.providers.items())]
    return {"providers": _chosen(call, found)}


def flavor_capabilities(call: Call, provider: str) -> Any:
    """List what flavors can say to a provider."""
    return {"flavor_capabilities": _capabilities(call, call.door.flavors, provider)}


def availability_zone_capabilities(call: Call, provider: str) -> Any:
    """List what availability zones can say to a provider."""
    return {"availability_zone_capabilities": _capabilities(call, call.door.availability_zones, provider)}


def _capabilities(call: Call, offers: Offers, provider: str) -> list[Any]:
    call.authorise_here()
    offering.check_provider(call, provider)
    found = offers.listed_capabilities(provider)
    return _chosen(call, [CapabilityAnswer(name=each.name, description=_text(each)) for each in found])


def _text(capability: Capability) -> str:
    return f"{capability.description.removesuffix('.')}: {capability.allowed}."


def _chosen(call: Call, found: Sequence[ProviderAnswer | CapabilityAnswer]) -> list[Any]:
    wanted = query.exact(call.params, FILTERS)
    fields = query.wanted_fields(call.params)
    chosen = [each for each in found if all(getattr(each, name) == value for name, value in wanted.items())]
    return [query.select(each, fields) for each in chosen]
