"""What operators offer to choose from for a load balancer: flavors and availability zones, and what these mean to a provider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

Data = Mapping[str, str | int]
"""What a profile says to its provider, by the name of the capability."""


class OfferKind(StrEnum):
    """What can be offered. The values stand in the database."""

    FLAVOR = "flavor"
    AVAILABILITY_ZONE = "availability_zone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What flavors or availability zones of one provider mean to it. `data` is a JSON object, as the operator wrote it."""

    id: str
    name: str
    provider_name: str
    data: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A flavor, or an availability zone. `key` is what users choose it by: the id of a flavor, the name of a zone."""

    key: str
    name: str
    profile_id: str
    description: str = ""
    enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """Something that a provider can be told by a profile: one of some `texts`, or else a number from `least` to `most`."""

    name: str
    description: str
    texts: Sequence[str] | None = None
    least: int = 1
    most: int = 1

    def problem(self, value: object) -> str | None:
        """Why a provider cannot be told this; None where it can."""
        if self.texts is not None:
            fits = value in self.texts
        else:
            fits = isinstance(value, int) and not isinstance(value, bool) and self.least <= value <= self.most
        return None if fits else f"{value!r} is not {self.allowed}"

    @property
    def allowed(self) -> str:
        """What it can be told, in words."""
        if self.texts is not None:
            return f"one of: {', '.join(self.texts) or 'none'}"
        return f"a number from {self.least} to {self.most}"


def problem(capabilities: Sequence[Capability], data: Mapping[str, object]) -> str | None:
    """Why a provider that has these capabilities cannot be told this, naming what is wrong; None where it can."""
    by_name = {each.name: each for each in capabilities}
    for name, value in data.items():
        if name in by_name and (text := by_name[name].problem(value)):
            return f"{name}: {text}"
    return None
