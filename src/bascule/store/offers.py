"""Flavors and availability zones, and their profiles.

Who needs a row to stay as it is writes it in the same transaction, and so does who changes or removes it: then one of the two
waits for the other, and sees what it did.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from bascule.model.offers import Offer, OfferKind, Profile
from bascule.model.status import Provisioning
from bascule.store.tables import load_balancer, offer, offer_profile

_CHOSEN = {OfferKind.FLAVOR: load_balancer.c.flavor_id, OfferKind.AVAILABILITY_ZONE: load_balancer.c.availability_zone}


def offers(conn: sa.Connection, kind: OfferKind) -> Sequence[Offer]:
    """All of a kind, by key."""
    return [_offer(row) for row in conn.execute(sa.select(offer).where(offer.c.kind == kind).order_by(offer.c.key))]


def profiles(conn: sa.Connection, kind: OfferKind) -> Sequence[Profile]:
    """All of a kind, by id."""
    chosen = sa.select(offer_profile).where(offer_profile.c.kind == kind).order_by(offer_profile.c.id)
    return [_profile(row) for row in conn.execute(chosen)]


def find(conn: sa.Connection, kind: OfferKind, key: str) -> Offer | None:
    """One of them."""
    row = conn.execute(sa.select(offer).where(*_is(kind, key))).first()
    return None if row is None else _offer(row)


def find_profile(conn: sa.Connection, kind: OfferKind, profile_id: str) -> Profile | None:
    """One of the profiles."""
    row = conn.execute(sa.select(offer_profile).where(*_is_profile(kind, profile_id))).first()
    return None if row is None else _profile(row)


def hold(conn: sa.Connection, kind: OfferKind, key: str) -> Offer | None:
    """One of them, which stays as it is until the end of the transaction."""
    if not conn.execute(offer.update().where(*_is(kind, key)).values(relied_on=offer.c.relied_on + 1)).rowcount:
        return None
    return find(conn, kind, key)


def hold_profile(conn: sa.Connection, kind: OfferKind, profile_id: str) -> Profile | None:
    """One of the profiles, which stays as it is until the end of the transaction."""
    raised = offer_profile.update().where(*_is_profile(kind, profile_id)).values(relied_on=offer_profile.c.relied_on + 1)
    return find_profile(conn, kind, profile_id) if conn.execute(raised).rowcount else None


def add(conn: sa.Connection, kind: OfferKind, each: Offer) -> bool:
    """Add one; tells whether its name was free."""
    try:
        with conn.begin_nested():
            conn.execute(offer.insert().values(_offer_row(each) | {"kind": str(kind), "relied_on": 0}))
    except sa.exc.IntegrityError:
        return False
    return True


def add_profile(conn: sa.Connection, kind: OfferKind, each: Profile) -> None:
    """Add a profile."""
    conn.execute(offer_profile.insert().values(_profile_row(each) | {"kind": str(kind), "relied_on": 0}))


def save(conn: sa.Connection, kind: OfferKind, each: Offer) -> bool:
    """Write one that is held; tells whether its name was free."""
    try:
        with conn.begin_nested():
            conn.execute(offer.update().where(*_is(kind, each.key)).values(_offer_row(each)))
    except sa.exc.IntegrityError:
        return False
    return True


def save_profile(conn: sa.Connection, kind: OfferKind, each: Profile) -> None:
    """Write a profile that is held."""
    conn.execute(offer_profile.update().where(*_is_profile(kind, each.id)).values(_profile_row(each)))


def remove(conn: sa.Connection, kind: OfferKind, key: str) -> None:
    """Remove one that is held."""
    conn.execute(offer.delete().where(*_is(kind, key)))


def remove_profile(conn: sa.Connection, kind: OfferKind, profile_id: str) -> None:
    """Remove a profile that is held."""
    conn.execute(offer_profile.delete().where(*_is_profile(kind, profile_id)))


def in_use(conn: sa.Connection, kind: OfferKind, key: str) -> bool:
    """Whether a load balancer that is not gone was made with this."""
    there = load_balancer.c.provisioning_status != str(Provisioning.DELETED)
    return conn.execute(sa.select(load_balancer.c.id).where(_CHOSEN[kind] == key, there).limit(1)).first() is not None


def profile_in_use(conn: sa.Connection, kind: OfferKind, profile_id: str) -> bool:
    """Whether something is offered with this profile."""
    chosen = sa.select(offer.c.key).where(offer.c.kind == kind, offer.c.profile_id == profile_id)
    return conn.execute(chosen.limit(1)).first() is not None


def _is(kind: OfferKind, key: str) -> tuple[sa.ColumnElement[bool], ...]:
    return offer.c.kind == str(kind), offer.c.key == key


def _is_profile(kind: OfferKind, profile_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    return offer_profile.c.kind == str(kind), offer_profile.c.id == profile_id


def _offer_row(each: Offer) -> dict[str, Any]:
    return {name: getattr(each, name) for name in Offer.__dataclass_fields__}


def _offer(row: sa.Row[Any]) -> Offer:
    return Offer(**{name: row._mapping[name] for name in Offer.__dataclass_fields__})


def _profile_row(each: Profile) -> dict[str, Any]:
    return {name: getattr(each, name) for name in Profile.__dataclass_fields__}


def _profile(row: sa.Row[Any]) -> Profile:
    return Profile(**{name: row._mapping[name] for name in Profile.__dataclass_fields__})
