"""Availability zones: handlers."""

from __future__ import annotations

import dataclasses
from typing import Any

from bascule.model.offers import Offer
from bascule.north.octavia_v2 import listing, offering
from bascule.north.octavia_v2.door import Call
from bascule.north.octavia_v2.errors import Malformed
from bascule.north.octavia_v2.schemas import availability_zone as schema
from bascule.north.octavia_v2.schemas.availability_zone import (
    AVAILABILITY_ZONE,
    AvailabilityZonePostBody,
    AvailabilityZonePutBody,
)

_NAME = "Availability Zone"

_NO_PLACE = (".", "..")
"""What clients take out of a path before they ask for it."""


def index(call: Call) -> Any:
    """List availability zones."""
    call.authorise_here()
    return listing.page(call, AVAILABILITY_ZONE, [schema.show(each) for each in call.door.availability_zones.all()])


def show(call: Call, availability_zone_name: str) -> Any:
    """Show an availability zone."""
    call.authorise_here()
    with offering.of(_NAME, availability_zone_name):
        found = call.door.availability_zones.one(availability_zone_name)
    return listing.one(call, AVAILABILITY_ZONE, schema.show(found))


def create(call: Call, body: AvailabilityZonePostBody) -> Any:
    """Offer an availability zone."""
    call.authorise_here()
    wanted = offering.given(body.availability_zone)
    if "/" in wanted["name"] or wanted["name"] in _NO_PLACE:
        raise Malformed(f"{wanted['name']} is not a valid option for name. Allowed: text without slashes, but not '.' and '..'")
    made = Offer(key=wanted["name"], profile_id=wanted.pop("availability_zone_profile_id"), **wanted)
    with offering.of(_NAME, made.key):
        call.door.availability_zones.add(made)
    return listing.one(call, AVAILABILITY_ZONE, schema.show(made))


def update(call: Call, body: AvailabilityZonePutBody, availability_zone_name: str) -> Any:
    """Change an availability zone."""
    call.authorise_here()
    given = offering.given(body.availability_zone)
    with offering.of(_NAME, availability_zone_name):
        changed = call.door.availability_zones.change(availability_zone_name, lambda each: dataclasses.replace(each, **given))
    return listing.one(call, AVAILABILITY_ZONE, schema.show(changed))


def delete(call: Call, availability_zone_name: str) -> None:
    """Delete an availability zone that no load balancer has."""
    call.authorise_here()
    with offering.of(_NAME, availability_zone_name):
        call.door.availability_zones.remove(availability_zone_name)
