"""Flavor profiles: bodies and answers."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta

from bascule.model.offers import Profile
from bascule.north.octavia_v2.schemas.common import Answer, Listing
from bascule.north.octavia_v2.wire import Body, Given, Text

Data = Annotated[str, Meta(max_length=4096)]


class FlavorProfilePut(Body, kw_only=True):
    """What of a flavor profile can be changed. While something is offered with it, only the name."""

    name: Given[Text] = UNSET
    provider_name: Given[Text] = UNSET
    flavor_data: Given[Data] = UNSET


class FlavorProfilePost(Body, kw_only=True):
    """A new profile. The data is a JSON object, written as text."""

    name: Text
    provider_name: Text
    flavor_data: Data


class FlavorProfilePutBody(Body, kw_only=True):
    """The body of a change."""

    flavorprofile: FlavorProfilePut


class FlavorProfilePostBody(Body, kw_only=True):
    """The body of a creation."""

    flavorprofile: FlavorProfilePost


class FlavorProfileAnswer(Answer, kw_only=True):
    """A profile as it is shown."""

    id: str
    name: str
    provider_name: str
    flavor_data: str


class FlavorProfileAnswerBody(Answer, kw_only=True):
    """One profile."""

    flavorprofile: FlavorProfileAnswer


def show(profile: Profile) -> FlavorProfileAnswer:
    """A profile."""
    return FlavorProfileAnswer(id=profile.id, name=profile.name, provider_name=profile.provider_name, flavor_data=profile.data)


FLAVOR_PROFILE = Listing(one="flavorprofile", many="flavorprofiles", answer=FlavorProfileAnswer, links="flavorprofile_links")
