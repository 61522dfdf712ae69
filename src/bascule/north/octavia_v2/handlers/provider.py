"""Providers: handlers."""

from __future__ import annotations

from typing import Any

from bascule.north.octavia_v2 import query
from bascule.north.octavia_v2.door import Call
from bascule.north.octavia_v2.schemas.provider import ProviderAnswer


def index(call: Call) -> Any:
    """List the providers that load balancers can be made with."""
    call.authorise(call.project_id)
    found = [ProviderAnswer(name=name, description=text) for name, text in sorted(call.door.providers.items())]
    wanted = query.exact(call.params, ("name", "description"))
    fields = query.wanted_fields(call.params)
    chosen = [each for each in found if all(getattr(each, name) == value for name, value in wanted.items())]
    return {"providers": [query.select(each, fields) for each in chosen]}
