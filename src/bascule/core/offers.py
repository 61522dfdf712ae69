"""Flavors and availability zones: what operators offer, and what of it a new load balancer is made with."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa

from bascule.model.backend import Backend
from bascule.model.errors import Invalid, Refused, Unsupported
from bascule.model.objects import LoadBalancer
from bascule.model.offers import Capability, Data, Offer, OfferKind, Profile, problem
from bascule.model.rules.text import CONTROL, InvalidOption
from bascule.store import offers
from bascule.store.engine import Database

T = TypeVar("T")


class OfferNotFound(Refused):
    """There is nothing of this kind by this key, or no such profile."""


class OfferInUse(Refused):
    """A load balancer was made with this, or something is offered with this profile."""


class NameTaken(Refused):
    """Something of this kind has this name already."""


class NotAnObject(Refused):
    """The data of a profile is no JSON object."""


class Offers:
    """What is offered of one kind. Whatever is changed here is for load balancers that are made from now on."""

    def __init__(self, database: Database, backends: Mapping[str, Backend], kind: OfferKind) -> None:
        self._database = database
        self._backends = backends
        self.kind = kind

    def all(self) -> Sequence[Offer]:
        """Everything that is offered, by key."""
        with self._database.read() as conn:
            return offers.offers(conn, self.kind)

    def one(self, key: str) -> Offer:
        """What is offered under a key. Raises OfferNotFound."""
        with self._database.read() as conn:
            return _there(offers.find(conn, self.kind, _possible(key)))

    def add(self, each: Offer) -> None:
        """Offer something. Raises Invalid, NameTaken."""
        _check_text(each)

        def work(conn: sa.Connection) -> None:
            if offers.hold_profile(conn, self.kind, each.profile_id) is None:
                raise Invalid(f"Invalid {self.kind}_profile_id.")
            if not offers.add(conn, self.kind, each):
                raise NameTaken(each.name)

        self._database.write(work)

    def change(self, key: str, change: Callable[[Offer], Offer]) -> Offer:
        """Change what is offered. Load balancers that were made with it stay as they are.

        Raises Invalid, OfferNotFound, NameTaken.
        """

        def work(conn: sa.Connection) -> Offer:
            after = change(_there(offers.hold(conn, self.kind, _possible(key))))
            _check_text(after)
            if not offers.save(conn, self.kind, after):
                raise NameTaken(after.name)
            return after

        return self._database.write(work)

    def remove(self, key: str) -> None:
        """Offer something no more. Raises OfferNotFound, OfferInUse."""

        def work(conn: sa.Connection) -> None:
            _there(offers.hold(conn, self.kind, _possible(key)))
            if offers.in_use(conn, self.kind, key):
                raise OfferInUse(key)
            offers.remove(conn, self.kind, key)

        self._database.write(work)

    def profiles(self) -> Sequence[Profile]:
        """All profiles, by id."""
        with self._database.read() as conn:
            return offers.profiles(conn, self.kind)

    def profile(self, profile_id: str) -> Profile:
        """One profile. Raises OfferNotFound."""
        with self._database.read() as conn:
            return _there(offers.find_profile(conn, self.kind, _possible(profile_id)))

    def add_profile(self, each: Profile) -> None:
        """Add a profile. Raises what `check` raises."""
        self.check(each)
        self._database.write(lambda conn: offers.add_profile(conn, self.kind, each))

    def change_profile(self, profile_id: str, change: Callable[[Profile], Profile]) -> Profile:
        """Change a profile. Where something is offered with it, only its name. Raises OfferNotFound, OfferInUse, and as `check`."""

        def work(conn: sa.Connection) -> Profile:
            before = _there(offers.hold_profile(conn, self.kind, _possible(profile_id)))
            after = change(before)
            if dataclasses.replace(after, name=before.name) != before and offers.profile_in_use(conn, self.kind, profile_id):
                raise OfferInUse(profile_id)
            self.check(after)
            offers.save_profile(conn, self.kind, after)
            return after

        return self._database.write(work)

    def remove_profile(self, profile_id: str) -> None:
        """Remove a profile. Raises OfferNotFound, OfferInUse."""

        def work(conn: sa.Connection) -> None:
            _there(offers.hold_profile(conn, self.kind, _possible(profile_id)))
            if offers.profile_in_use(conn, self.kind, profile_id):
                raise OfferInUse(profile_id)
            offers.remove_profile(conn, self.kind, profile_id)

        self._database.write(work)

    def check(self, profile: Profile) -> None:
        """Raises NotAnObject, Invalid, or Unsupported where the provider cannot be told what a profile says."""
        _check_text(profile)
        found = parsed(profile.data)
        capabilities = self.capabilities(profile.provider_name)
        known = [each.name for each in capabilities]
        if unknown := [name for name in found if name not in known]:
            raise Unsupported(profile.provider_name, f"{', '.join(unknown)}. Known: {', '.join(known) or 'none'}.")
        if text := problem(capabilities, found):
            raise Invalid(f"{self.kind}_data: {text}.")

    def capabilities(self, provider: str) -> Sequence[Capability]:
        """What a provider can be told. Raises Invalid, or Unsupported where it does not know what these are."""
        found = self._capabilities(provider)
        if found is None:
            raise Unsupported(provider, f"it has no {self.kind.replace('_', ' ')}s.")
        return found

    def listed_capabilities(self, provider: str) -> Sequence[Capability]:
        """What a provider can be told, which may be nothing. Raises Invalid."""
        return self._capabilities(provider) or ()

    def _capabilities(self, provider: str) -> Sequence[Capability] | None:
        if provider not in self._backends:
            raise Invalid(f"Provider '{provider}' is not enabled. Enabled: {', '.join(sorted(self._backends))}.")
        return self._backends[provider].capabilities(self.kind)


_LAYOUT = str.maketrans("", "", "\t\r\n")

# Strict: takes no halves of characters, which no answer could hold, and no numbers that are none.
_PARSER = msgspec.json.Decoder(dict[str, Any])


def _check_text(each: Offer | Profile) -> None:
    """Refuse control characters. JSON may have line breaks and tabs."""
    for name in each.__dataclass_fields__:
        text = str(getattr(each, name))
        if CONTROL.search(text.translate(_LAYOUT) if name == "data" else text):
            raise InvalidOption(ascii(text), name, "text without control characters")


def _possible(key: str) -> str:
    """A key that there can be. Raises OfferNotFound for what no database could hold."""
    if CONTROL.search(key):
        raise OfferNotFound
    return key


def parsed(text: str) -> Data:
    """What a profile says. Raises NotAnObject."""
    try:
        return _PARSER.decode(text)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise NotAnObject(text) from error


def chosen(conn: sa.Connection, load_balancer: LoadBalancer) -> LoadBalancer:
    """A new load balancer with what its flavor and its availability zone mean to its provider.

    Both stay as they are until the end of the transaction, and for as long as the load balancer is there. Raises Invalid.
    """
    if (flavor_id := load_balancer.flavor_id) is not None:
        data = _data(conn, OfferKind.FLAVOR, flavor_id, load_balancer.provider)
        load_balancer = dataclasses.replace(load_balancer, flavor=data)
    if (zone := load_balancer.availability_zone) is not None:
        data = _data(conn, OfferKind.AVAILABILITY_ZONE, zone, load_balancer.provider)
        load_balancer = dataclasses.replace(load_balancer, zone=data)
    return load_balancer


def _data(conn: sa.Connection, kind: OfferKind, key: str, provider: str) -> Data:
    found = offers.hold(conn, kind, key)
    profile = None if found is None else offers.find_profile(conn, kind, found.profile_id)
    if found is None or profile is None or not found.enabled or profile.provider_name != provider:
        raise Invalid(f"{kind} {key} is not offered any more")  # it was when the door looked
    return parsed(profile.data)


def _there(found: T | None) -> T:
    if found is None:
        raise OfferNotFound
    return found
