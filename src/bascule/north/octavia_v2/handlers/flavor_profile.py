"""Flavor profiles: handlers."""

from __future__ import annotations

import dataclasses
from typing import Any

from bascule.model.offers import Profile
from bascule.north.octavia_v2 import listing, offering
from bascule.north.octavia_v2.door import Call, new_id
from bascule.north.octavia_v2.schemas import flavor_profile as schema
from bascule.north.octavia_v2.schemas.flavor_profile import FLAVOR_PROFILE, FlavorProfilePostBody, FlavorProfilePutBody

_NAME, _USED = "Flavor Profile", "Flavor profile"
_DATA = "flavor_data"


def index(call: Call) -> Any:
    """List flavor profiles."""
    call.authorise_here()
    return listing.page(call, FLAVOR_PROFILE, [schema.show(each) for each in call.door.flavors.profiles()])


def show(call: Call, flavor_profile_id: str) -> Any:
    """Show a flavor profile."""
    call.authorise_here()
    with offering.of(_NAME, flavor_profile_id):
        return listing.one(call, FLAVOR_PROFILE, schema.show(call.door.flavors.profile(flavor_profile_id)))


def create(call: Call, body: FlavorProfilePostBody) -> Any:
    """Make a flavor profile."""
    call.authorise_here()
    made = Profile(id=new_id(), **offering.profile(call, body.flavorprofile, _DATA))
    with offering.data(_DATA):
        call.door.flavors.add_profile(made)
    return listing.one(call, FLAVOR_PROFILE, schema.show(made))


def update(call: Call, body: FlavorProfilePutBody, flavor_profile_id: str) -> Any:
    """Change a flavor profile."""
    call.authorise_here()
    given = offering.profile(call, body.flavorprofile, _DATA)
    with offering.of(_NAME, flavor_profile_id, _USED), offering.data(_DATA):
        changed = call.door.flavors.change_profile(flavor_profile_id, lambda each: dataclasses.replace(each, **given))
    return listing.one(call, FLAVOR_PROFILE, schema.show(changed))


def delete(call: Call, flavor_profile_id: str) -> None:
    """Delete a flavor profile with which nothing is offered."""
    call.authorise_here()
    with offering.of(_NAME, flavor_profile_id, _USED):
        call.door.flavors.remove_profile(flavor_profile_id)
