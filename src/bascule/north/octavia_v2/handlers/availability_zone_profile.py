"""Availability zone profiles: handlers."""

from __future__ import annotations

import dataclasses
from typing import Any

from bascule.model.offers import Profile
from bascule.north.octavia_v2 import listing, offering
from bascule.north.octavia_v2.door import Call, new_id
from bascule.north.octavia_v2.schemas import availability_zone_profile as schema
from bascule.north.octavia_v2.schemas.availability_zone_profile import (
    AVAILABILITY_ZONE_PROFILE,
    AvailabilityZoneProfilePostBody,
    AvailabilityZoneProfilePutBody,
)

_NAME = "Availability Zone Profile"
_DATA = "availability_zone_data"


def index(call: Call) -> Any:
    """List availability zone profiles."""
    call.authorise_here()
    return listing.page(call, AVAILABILITY_ZONE_PROFILE, [schema.show(each) for each in call.door.availability_zones.profiles()])


def show(call: Call, availability_zone_profile_id: str) -> Any:
    """Show an availability zone profile."""
    call.authorise_here()
    with offering.of(_NAME, availability_zone_profile_id):
        return listing.one(
            call, AVAILABILITY_ZONE_PROFILE, schema.show(call.door.availability_zones.profile(availability_zone_profile_id))
        )


def create(call: Call, body: AvailabilityZoneProfilePostBody) -> Any:
    """Make an availability zone profile."""
    call.authorise_here()
    made = Profile(id=new_id(), **offering.profile(call, body.availability_zone_profile, _DATA))
    with offering.data(_DATA):
        call.door.availability_zones.add_profile(made)
    return listing.one(call, AVAILABILITY_ZONE_PROFILE, schema.show(made))


def update(call: Call, body: AvailabilityZoneProfilePutBody, availability_zone_profile_id: str) -> Any:
    """Change an availability zone profile."""
    call.authorise_here()
    given = offering.profile(call, body.availability_zone_profile, _DATA)
    with offering.of(_NAME, availability_zone_profile_id), offering.data(_DATA):
        changed = call.door.availability_zones.change_profile(
            availability_zone_profile_id, lambda each: dataclasses.replace(each, **given)
        )
    return listing.one(call, AVAILABILITY_ZONE_PROFILE, schema.show(changed))


def delete(call: Call, availability_zone_profile_id: str) -> None:
    """Delete an availability zone profile with which nothing is offered."""
    call.authorise_here()
    with offering.of(_NAME, availability_zone_profile_id):
        call.door.availability_zones.remove_profile(availability_zone_profile_id)
