"""Quotas: handlers."""

from __future__ import annotations

from typing import Any

from bascule.model.rules.text import CONTROL
from bascule.north.octavia_v2 import listing
from bascule.north.octavia_v2.door import Call
from bascule.north.octavia_v2.errors import Malformed
from bascule.north.octavia_v2.schemas import quota as schema
from bascule.north.octavia_v2.schemas.quota import QUOTA, QuotaPutBody

_LONGEST = 255


def index(call: Call) -> Any:
    """List the quotas of projects for which some were set."""
    found = call.door.quotas.listed(call.listed_projects().get("project_id"))
    return listing.page(call, QUOTA, [schema.show(project_id, limits) for project_id, limits in found])


def defaults(call: Call) -> Any:
    """Show the quotas of projects for which none were set."""
    call.authorise_here()
    return {QUOTA.one: schema.show("defaults", call.door.quotas.defaults)}


def default(call: Call, project_id: str) -> Any:
    """Show the quotas that a project has if none were set for it."""
    _admit(call, project_id)
    return {QUOTA.one: schema.show(project_id, call.door.quotas.defaults)}


def show(call: Call, project_id: str) -> Any:
    """Show the quotas of a project. Whatever is named is one."""
    _admit(call, project_id)
    return {QUOTA.one: schema.show(project_id, call.door.quotas.of(project_id))}


def update(call: Call, body: QuotaPutBody, project_id: str) -> Any:
    """Set quotas of a project."""
    _admit(call, project_id)
    return {QUOTA.one: schema.show(project_id, call.door.quotas.limit(project_id, schema.wanted(body.quota)))}


def delete(call: Call, project_id: str) -> None:
    """Have the defaults apply to a project again."""
    _admit(call, project_id)
    call.door.quotas.reset(project_id)


def _admit(call: Call, project_id: str) -> None:
    if len(project_id) > _LONGEST or CONTROL.search(project_id):
        raise Malformed(f"project_id: at most {_LONGEST} printable characters are allowed")
    call.authorise(project_id)
