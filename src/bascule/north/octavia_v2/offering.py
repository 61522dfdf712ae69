"""What flavors and availability zones have in common: how requests on them and their profiles are refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from bascule.core.offers import NameTaken, NotAnObject, OfferInUse, OfferNotFound
from bascule.north.octavia_v2.door import Call
from bascule.north.octavia_v2.errors import Malformed
from bascule.north.octavia_v2.wire import plain


@contextmanager
def of(name: str, key: str, used: str = "") -> Iterator[None]:
    """Say in the original API's words what is wrong with a request on something called so, or `used` while it is in use."""
    try:
        yield
    except OfferNotFound as error:
        raise Malformed(f"{name} {key} not found.", 404) from error
    except OfferInUse as error:
        raise Malformed(f"{used or name} {key} is in use and cannot be modified.", 409) from error
    except NameTaken as error:
        raise Malformed(f"A {name.lower()} of {error} already exists.", 409) from error


@contextmanager
def data(attribute: str) -> Iterator[None]:
    """Say what is wrong with the data of a profile, which stands in an attribute called so."""
    try:
        yield
    except NotAnObject as error:
        raise Malformed(f"{error} is not a valid option for {attribute}") from error


def check_provider(call: Call, provider: str) -> None:
    """Refuse a provider that is not enabled."""
    if provider not in call.door.providers:
        raise Malformed(f"Provider '{provider}' is not enabled. Enabled: {', '.join(sorted(call.door.providers))}")


def profile(call: Call, body: msgspec.Struct, attribute: str) -> dict[str, Any]:
    """What a body says of a profile, whose data stands in an attribute called so. Refuses a provider that is not enabled."""
    found = given(body)
    if "provider_name" in found:
        check_provider(call, found["provider_name"])
    if attribute in found:
        found["data"] = found.pop(attribute)
    return found


def given(body: msgspec.Struct) -> dict[str, Any]:
    """The attributes that a body gives, with null as no text."""
    found = {name: plain(getattr(body, name)) for name in body.__struct_fields__}
    return {name: "" if value is None else value for name, value in found.items() if value is not msgspec.UNSET}
