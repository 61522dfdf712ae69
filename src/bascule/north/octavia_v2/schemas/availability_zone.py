"""Availability zones: bodies and answers."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta

from bascule.model.offers import Offer
from bascule.north.octavia_v2.checked import Uuid
from bascule.north.octavia_v2.schemas.common import Answer, Listing
from bascule.north.octavia_v2.wire import Body, Given, Maybe, Text


class AvailabilityZonePut(Body, kw_only=True):
    """What of an availability zone can be changed. Its name is what it is known by."""

    description: Maybe[Text] = UNSET
    enabled: Given[bool] = UNSET


class AvailabilityZonePost(AvailabilityZonePut, kw_only=True):
    """A new availability zone."""

    name: Annotated[str, Meta(min_length=1, max_length=255)]
    availability_zone_profile_id: Uuid


class AvailabilityZonePutBody(Body, kw_only=True):
    """The body of a change."""

    availability_zone: AvailabilityZonePut


class AvailabilityZonePostBody(Body, kw_only=True):
    """The body of a creation."""

    availability_zone: AvailabilityZonePost


class AvailabilityZoneAnswer(Answer, kw_only=True):
    """An availability zone as it is shown."""

    name: str
    description: str
    enabled: bool
    availability_zone_profile_id: str


class AvailabilityZoneAnswerBody(Answer, kw_only=True):
    """One availability zone."""

    availability_zone: AvailabilityZoneAnswer


def show(offer: Offer) -> AvailabilityZoneAnswer:
    """An availability zone."""
    return AvailabilityZoneAnswer(
        name=offer.name,
        description=offer.description,
        enabled=offer.enabled,
        availability_zone_profile_id=offer.profile_id,
    )


AVAILABILITY_ZONE = Listing(one="availability_zone", many="availability_zones", answer=AvailabilityZoneAnswer, key="name")
