"""Flavors: bodies and answers."""

from __future__ import annotations

from msgspec import UNSET

from bascule.model.offers import Offer
from bascule.north.octavia_v2.checked import Uuid
from bascule.north.octavia_v2.schemas.common import Answer, Listing
from bascule.north.octavia_v2.wire import Body, Given, Maybe, Text


class FlavorPut(Body, kw_only=True):
    """What of a flavor can be changed."""

    name: Given[Text] = UNSET
    description: Maybe[Text] = UNSET
    enabled: Given[bool] = UNSET


class FlavorPost(Body, kw_only=True):
    """A new flavor."""

    name: Text
    flavor_profile_id: Uuid
    description: Maybe[Text] = UNSET
    enabled: Given[bool] = UNSET


class FlavorPutBody(Body, kw_only=True):
    """The body of a change."""

    flavor: FlavorPut


class FlavorPostBody(Body, kw_only=True):
    """The body of a creation."""

    flavor: FlavorPost


class FlavorAnswer(Answer, kw_only=True):
    """A flavor as it is shown."""

    id: str
    name: str
    description: str
    enabled: bool
    flavor_profile_id: str


class FlavorAnswerBody(Answer, kw_only=True):
    """One flavor."""

    flavor: FlavorAnswer


def show(offer: Offer) -> FlavorAnswer:
    """A flavor."""
    return FlavorAnswer(
        id=offer.key,
        name=offer.name,
        description=offer.description,
        enabled=offer.enabled,
        flavor_profile_id=offer.profile_id,
    )


FLAVOR = Listing(one="flavor", many="flavors", answer=FlavorAnswer)
