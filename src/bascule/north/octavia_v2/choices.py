"""Which flavor and availability zone a new load balancer may be asked for with. The writer looks again when it is written down."""

from __future__ import annotations

from bascule.core.offers import OfferNotFound, Offers
from bascule.north.octavia_v2.door import Call
from bascule.north.octavia_v2.errors import Malformed


def flavor_provider(call: Call, flavor_id: str | None) -> str | None:
    """The provider that a flavor is for. Raises Malformed where it cannot be chosen."""
    if flavor_id is None:
        return None
    return _provider(call.door.flavors, str(flavor_id), "Invalid flavor_id.", "flavor")


def check_zone(call: Call, name: str | None, provider: str) -> None:
    """Refuse an availability zone that cannot be chosen, or not with this provider."""
    if name is None:
        return
    zones = call.door.availability_zones
    found = _provider(zones, name, "Invalid availability zone.", "availability_zone")
    zones.capabilities(provider)  # refuses where the provider does not know what zones are
    if found != provider:
        raise Malformed(f"Availability zone '{name}' is not compatible with provider '{provider}'")


def _provider(offers: Offers, key: str, missing: str, option: str) -> str:
    try:
        found = offers.one(key)
        profile = offers.profile(found.profile_id)
    except OfferNotFound as error:
        raise Malformed(f"Validation failure: {missing}") from error
    if not found.enabled:
        raise Malformed(f"The selected {option} is not allowed in this deployment: {key}")
    return profile.provider_name
