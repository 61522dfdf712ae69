"""Availability zone profiles: bodies and answers."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta

from bascule.model.offers import Profile
from bascule.north.octavia_v2.schemas.common import Answer, Listing
from bascule.north.octavia_v2.wire import Body, Given, Text

Data = Annotated[str, Meta(max_length=4096)]


class AvailabilityZoneProfilePut(Body, kw_only=True):
    """What of an availability zone profile can be changed. While something is offered with it, only the name."""

    name: Given[Text] = UNSET
    provider_name: Given[Text] = UNSET
    availability_zone_data: Given[Data] = UNSET


class AvailabilityZoneProfilePost(Body, kw_only=True):
    """A new profile. The data is a JSON object, written as text."""

    name: Text
    provider_name: Text
    availability_zone_data: Data


class AvailabilityZoneProfilePutBody(Body, kw_only=True):
    """The body of a change."""

    availability_zone_profile: AvailabilityZoneProfilePut


class AvailabilityZoneProfilePostBody(Body, kw_only=True):
    """The body of a creation."""

    availability_zone_profile: AvailabilityZoneProfilePost


class AvailabilityZoneProfileAnswer(Answer, kw_only=True):
    """A profile as it is shown."""

    id: str
    name: str
    provider_name: str
    availability_zone_data: str


class AvailabilityZoneProfileAnswerBody(Answer, kw_only=True):
    """One profile."""

    availability_zone_profile: AvailabilityZoneProfileAnswer


def show(profile: Profile) -> AvailabilityZoneProfileAnswer:
    """A profile."""
    return AvailabilityZoneProfileAnswer(
        id=profile.id, name=profile.name, provider_name=profile.provider_name, availability_zone_data=profile.data
    )


AVAILABILITY_ZONE_PROFILE = Listing(
    one="availability_zone_profile",
    many="availability_zone_profiles",
    answer=AvailabilityZoneProfileAnswer,
    links="availability_zone_profile_links",
)
