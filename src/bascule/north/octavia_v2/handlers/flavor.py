"""Flavors: handlers."""

from __future__ import annotations

import dataclasses
from typing import Any

from bascule.model.offers import Offer
from bascule.north.octavia_v2 import listing, offering
from bascule.north.octavia_v2.door import Call, new_id
from bascule.north.octavia_v2.schemas import flavor as schema
from bascule.north.octavia_v2.schemas.flavor import FLAVOR, FlavorPostBody, FlavorPutBody

_NAME = "Flavor"


def index(call: Call) -> Any:
    """List flavors."""
    call.authorise_here()
    return listing.page(call, FLAVOR, [schema.show(each) for each in call.door.flavors.all()])


def show(call: Call, flavor_id: str) -> Any:
    """Show a flavor."""
    call.authorise_here()
    with offering.of(_NAME, flavor_id):
        return listing.one(call, FLAVOR, schema.show(call.door.flavors.one(flavor_id)))


def create(call: Call, body: FlavorPostBody) -> Any:
    """Offer a flavor."""
    call.authorise_here()
    wanted = offering.given(body.flavor)
    made = Offer(key=new_id(), profile_id=wanted.pop("flavor_profile_id"), **wanted)
    with offering.of(_NAME, made.key):
        call.door.flavors.add(made)
    return listing.one(call, FLAVOR, schema.show(made))


def update(call: Call, body: FlavorPutBody, flavor_id: str) -> Any:
    """Change a flavor."""
    call.authorise_here()
    with offering.of(_NAME, flavor_id):
        changed = call.door.flavors.change(flavor_id, lambda each: dataclasses.replace(each, **offering.given(body.flavor)))
    return listing.one(call, FLAVOR, schema.show(changed))


def delete(call: Call, flavor_id: str) -> None:
    """Delete a flavor that no load balancer has."""
    call.authorise_here()
    with offering.of(_NAME, flavor_id):
        call.door.flavors.remove(flavor_id)
