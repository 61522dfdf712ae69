"""Providers: answers."""

from __future__ import annotations

from bascule.north.octavia_v2.schemas.common import Answer


class ProviderAnswer(Answer, kw_only=True):
    """A kind of data plane that load balancers can be carried by."""

    name: str
    description: str


class ProvidersBody(Answer, kw_only=True):
    """All of them."""

    providers: list[ProviderAnswer]
