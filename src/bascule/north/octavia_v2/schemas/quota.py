"""Quotas: bodies and answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from msgspec import UNSET, Meta, Struct

from bascule.model.objects import Kind
from bascule.north.octavia_v2.errors import Malformed
from bascule.north.octavia_v2.schemas.common import Answer, Listing
from bascule.north.octavia_v2.wire import Body, Maybe

Limit = Annotated[int, Meta(ge=-1, le=2_000_000_000)]


class QuotaPut(Body, kw_only=True):
    """The limits to set. Null is the default."""

    loadbalancer: Maybe[Limit] = UNSET
    load_balancer: Maybe[Limit] = UNSET
    listener: Maybe[Limit] = UNSET
    member: Maybe[Limit] = UNSET
    pool: Maybe[Limit] = UNSET
    healthmonitor: Maybe[Limit] = UNSET
    health_monitor: Maybe[Limit] = UNSET
    l7policy: Maybe[Limit] = UNSET
    l7rule: Maybe[Limit] = UNSET


class QuotaPutBody(Body, kw_only=True):
    """The body of a change."""

    quota: QuotaPut


class QuotaAnswer(Answer, kw_only=True):
    """The limits of a project. Two of them have an old name as well."""

    project_id: str
    loadbalancer: int
    load_balancer: int
    listener: int
    member: int
    pool: int
    healthmonitor: int
    health_monitor: int
    l7policy: int
    l7rule: int
    tenant_id: str


class QuotaAnswerBody(Answer, kw_only=True):
    """The limits of one project."""

    quota: QuotaAnswer


_NAMES = {
    "loadbalancer": Kind.LOAD_BALANCER,
    "load_balancer": Kind.LOAD_BALANCER,
    "listener": Kind.LISTENER,
    "member": Kind.MEMBER,
    "pool": Kind.POOL,
    "healthmonitor": Kind.HEALTH_MONITOR,
    "health_monitor": Kind.HEALTH_MONITOR,
    "l7policy": Kind.L7POLICY,
    "l7rule": Kind.L7RULE,
}


def wanted(body: Struct) -> dict[Kind, int | None]:
    """The limits that a body sets, by kind. Raises Malformed where the two names of one say different things."""
    found: dict[Kind, int | None] = {}
    for name, kind in _NAMES.items():
        value = getattr(body, name)
        if value is not UNSET and found.setdefault(kind, value) != value:
            raise Malformed(f"Validation failure: {name} is the old name of {kind.replace('_', '')}; they must not differ")
    return found


def show(project_id: str, limits: Mapping[Kind, int]) -> QuotaAnswer:
    """The limits of a project."""
    return QuotaAnswer(project_id=project_id, tenant_id=project_id, **{name: limits[kind] for name, kind in _NAMES.items()})


QUOTA = Listing(one="quota", many="quotas", answer=QuotaAnswer, key="project_id", of_projects=True)
