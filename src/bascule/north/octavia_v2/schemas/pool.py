"""Pools: bodies and answers."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from bascule.model.definition import SecretUses, secret_uses
from bascule.model.errors import Invalid
from bascule.model.objects import Algorithm, Kind, PersistenceType, Pool, PoolProtocol, SessionPersistence
from bascule.north.octavia_v2.checked import IpAddress, Uuid
from bascule.north.octavia_v2.schemas.common import Answer, Noun, Ref, Related, moment, refs
from bascule.north.octavia_v2.schemas.health_monitor import HealthMonitorNested
from bascule.north.octavia_v2.schemas.member import MemberNested
from bascule.north.octavia_v2.schemas.tls import with_tls_defaults
from bascule.north.octavia_v2.wire import (
    AlpnProtocols,
    Attributes,
    Body,
    Ciphers,
    Given,
    Maybe,
    ProjectId,
    Text,
    TlsVersions,
    plain,
)

Seconds = Annotated[int, Meta(ge=0, le=2**31 - 1)]


class SessionPersistenceBody(Body, kw_only=True):
    """How clients stay with members. The type is needed unless there is one already."""

    type: Given[PersistenceType] = UNSET
    cookie_name: Maybe[Text] = UNSET
    persistence_timeout: Maybe[Seconds] = UNSET
    persistence_granularity: Maybe[IpAddress] = UNSET


class PoolPut(Body, kw_only=True):
    """What of a pool can be changed."""

    name: Maybe[Text] = UNSET
    description: Maybe[Text] = UNSET
    admin_state_up: Maybe[bool] = UNSET
    lb_algorithm: Given[Algorithm] = UNSET
    session_persistence: Maybe[SessionPersistenceBody] = UNSET
    tags: Maybe[list[Text]] = UNSET
    tls_container_ref: Maybe[Text] = UNSET
    ca_tls_container_ref: Maybe[Text] = UNSET
    crl_container_ref: Maybe[Text] = UNSET
    tls_enabled: Maybe[bool] = UNSET
    tls_ciphers: Maybe[Ciphers] = UNSET
    tls_versions: Maybe[TlsVersions] = UNSET
    alpn_protocols: Maybe[AlpnProtocols] = UNSET


class PoolPost(PoolPut, kw_only=True):
    """A new pool, of a load balancer or as the default pool of a listener."""

    protocol: PoolProtocol
    lb_algorithm: Algorithm
    loadbalancer_id: Maybe[Uuid] = UNSET
    listener_id: Maybe[Uuid] = UNSET
    project_id: Maybe[ProjectId] = UNSET
    tenant_id: Maybe[ProjectId] = UNSET


class PoolNested(PoolPut, kw_only=True):
    """A pool of a load balancer that is created in a single call: in full, or only the name of one that is."""

    protocol: Given[PoolProtocol] = UNSET
    members: Maybe[list[MemberNested]] = UNSET
    healthmonitor: Maybe[HealthMonitorNested] = UNSET


class PoolPutBody(Body, kw_only=True):
    """The body of a change."""

    pool: PoolPut


class PoolPostBody(Body, kw_only=True):
    """The body of a creation."""

    pool: PoolPost


_attributes = Attributes(Pool, but=("session_persistence",))


def created(body: PoolPost | PoolNested, pool_id: str) -> Pool:
    """A new pool."""
    return _settled(Pool(id=pool_id, session_persistence=_persistence(None, body), **_attributes(body)))


def changed(pool: Pool, body: PoolPut) -> Pool:
    """A pool with the changes that a body asks for."""
    persistence = _persistence(pool.session_persistence, body)
    return _settled(dataclasses.replace(pool, session_persistence=persistence, **_attributes(body)))


def _persistence(before: SessionPersistence | None, body: PoolPut) -> SessionPersistence | None:
    """The persistence after an edit. A new type starts from nothing; the same one keeps what is not mentioned."""
    asked = body.session_persistence
    if asked is UNSET:
        return before
    if asked is None:
        return None
    kind = asked.type
    if isinstance(kind, UnsetType):
        if before is None:
            raise Invalid("session_persistence: type is needed")
        kind = before.type
    kept = before if before is not None and before.type is kind else SessionPersistence(type=kind)
    names = ("cookie_name", "persistence_timeout", "persistence_granularity")
    given = {name: plain(value) for name in names if (value := getattr(asked, name)) is not UNSET}
    return dataclasses.replace(kept, **given)


def _settled(pool: Pool) -> Pool:
    return with_tls_defaults(pool, pool.tls_enabled)


def new_secrets(body: PoolPut) -> SecretUses:
    """The references to certificates that a body gives, and what each is used as."""
    return secret_uses(Kind.POOL, body)


class SessionPersistenceAnswer(Answer, kw_only=True):
    """How clients stay with members, as it is shown."""

    type: str
    cookie_name: str | None
    persistence_timeout: int | None
    persistence_granularity: str | None


class PoolAnswer(Answer, kw_only=True):
    """A pool as it is shown."""

    id: str
    name: str
    description: str
    provisioning_status: str
    operating_status: str
    admin_state_up: bool
    protocol: str
    lb_algorithm: str
    session_persistence: SessionPersistenceAnswer | None
    project_id: str
    loadbalancers: list[Ref]
    listeners: list[Ref]
    created_at: str | None
    updated_at: str | None
    healthmonitor_id: str | UnsetType = UNSET
    members: list[Ref]
    tags: list[str]
    tls_container_ref: str | None
    ca_tls_container_ref: str | None
    crl_container_ref: str | None
    tls_enabled: bool
    tls_ciphers: str | None
    tls_versions: list[str] | None
    alpn_protocols: list[str] | None
    tenant_id: str


class PoolAnswerBody(Answer, kw_only=True):
    """One pool."""

    pool: PoolAnswer


def show(row: Any, related: Related) -> PoolAnswer:
    """A pool from its row."""
    monitors = related["health_monitors"]
    return PoolAnswer(
        id=row.id,
        name=row.name,
        description=row.description,
        provisioning_status=row.provisioning_status,
        operating_status=row.operating_status,
        admin_state_up=row.admin_state_up,
        protocol=row.protocol,
        lb_algorithm=row.lb_algorithm,
        session_persistence=row.session_persistence,
        project_id=row.project_id,
        loadbalancers=[Ref(id=row.load_balancer_id)],
        listeners=refs(related["listeners"]),
        created_at=moment(row.created_at),
        updated_at=moment(row.updated_at),
        # One that is being deleted may still be there beside its successor.
        healthmonitor_id=monitors[-1] if monitors else UNSET,
        members=refs(related["members"]),
        tags=row.tags,
        tls_container_ref=row.tls_container_ref,
        ca_tls_container_ref=row.ca_tls_container_ref,
        crl_container_ref=row.crl_container_ref,
        tls_enabled=row.tls_enabled,
        tls_ciphers=row.tls_ciphers,
        tls_versions=row.tls_versions or None,
        alpn_protocols=row.alpn_protocols or None,
        tenant_id=row.project_id,
    )


POOL = Noun(
    kind=Kind.POOL,
    one="pool",
    many="pools",
    answer=PoolAnswer,
    show=show,
    also={"loadbalancer_id": "load_balancer_id", "load_balancer_id": "load_balancer_id"},
)
