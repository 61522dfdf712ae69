"""Listeners: bodies and answers."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

from msgspec import UNSET, Meta

from bascule.model.definition import SecretUses, secret_uses
from bascule.model.objects import ClientAuthentication, Kind, Listener, ListenerProtocol
from bascule.north.octavia_v2.checked import Cidr, Uuid
from bascule.north.octavia_v2.schemas.common import Answer, Noun, Ref, Related, moment, refs
from bascule.north.octavia_v2.schemas.l7policy import L7PolicyNested
from bascule.north.octavia_v2.schemas.pool import PoolNested
from bascule.north.octavia_v2.schemas.tls import with_tls_defaults
from bascule.north.octavia_v2.wire import AlpnProtocols, Attributes, Body, Ciphers, Maybe, Port, ProjectId, Text, TlsVersions

Timeout = Annotated[int, Meta(ge=0, le=24 * 24 * 3600 * 1000)]
"""Milliseconds, at most 24 days."""

ConnectionLimit = Annotated[int, Meta(ge=-1, le=2**31 - 1)]
Seconds = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class ListenerPut(Body, kw_only=True):
    """What of a listener can be changed."""

    name: Maybe[Text] = UNSET
    description: Maybe[Text] = UNSET
    admin_state_up: Maybe[bool] = UNSET
    connection_limit: Maybe[ConnectionLimit] = UNSET
    default_tls_container_ref: Maybe[Text] = UNSET
    sni_container_refs: Maybe[list[Text]] = UNSET
    default_pool_id: Maybe[Uuid] = UNSET
    insert_headers: Maybe[dict[str, Text]] = UNSET
    timeout_client_data: Maybe[Timeout] = UNSET
    timeout_member_connect: Maybe[Timeout] = UNSET
    timeout_member_data: Maybe[Timeout] = UNSET
    timeout_tcp_inspect: Maybe[Timeout] = UNSET
    tags: Maybe[list[Text]] = UNSET
    client_ca_tls_container_ref: Maybe[Text] = UNSET
    client_authentication: Maybe[ClientAuthentication] = UNSET
    client_crl_container_ref: Maybe[Text] = UNSET
    allowed_cidrs: Maybe[list[Cidr]] = UNSET
    tls_ciphers: Maybe[Ciphers] = UNSET
    tls_versions: Maybe[TlsVersions] = UNSET
    alpn_protocols: Maybe[AlpnProtocols] = UNSET
    hsts_max_age: Maybe[Seconds] = UNSET
    hsts_include_subdomains: Maybe[bool] = UNSET
    hsts_preload: Maybe[bool] = UNSET


class ListenerPost(ListenerPut, kw_only=True):
    """A new listener."""

    loadbalancer_id: Uuid
    protocol: ListenerProtocol
    protocol_port: Port
    project_id: Maybe[ProjectId] = UNSET
    tenant_id: Maybe[ProjectId] = UNSET


class ListenerNested(ListenerPut, kw_only=True):
    """A listener of a load balancer that is created in a single call."""

    protocol: ListenerProtocol
    protocol_port: Port
    default_pool: Maybe[PoolNested] = UNSET
    l7policies: Maybe[list[L7PolicyNested]] = UNSET


class ListenerPutBody(Body, kw_only=True):
    """The body of a change."""

    listener: ListenerPut


class ListenerPostBody(Body, kw_only=True):
    """The body of a creation."""

    listener: ListenerPost


_attributes = Attributes(Listener)


def created(body: ListenerPost | ListenerNested, listener_id: str, pool_id: str | None = None) -> Listener:
    """A new listener. `pool_id` is that of the default pool which is created together with it."""
    given = _attributes(body)
    if pool_id is not None:
        given["default_pool_id"] = pool_id
    return _settled(Listener(id=listener_id, **given))


def changed(listener: Listener, body: ListenerPut) -> Listener:
    """A listener with the changes that a body asks for."""
    return _settled(dataclasses.replace(listener, **_attributes(body)))


def _settled(listener: Listener) -> Listener:
    return with_tls_defaults(listener, listener.protocol is ListenerProtocol.TERMINATED_HTTPS)


def new_secrets(body: ListenerPut) -> SecretUses:
    """The references to certificates that a body gives, and what each is used as."""
    return secret_uses(Kind.LISTENER, body)


class ListenerAnswer(Answer, kw_only=True):
    """A listener as it is shown."""

    id: str
    name: str
    description: str
    provisioning_status: str
    operating_status: str
    admin_state_up: bool
    protocol: str
    protocol_port: int
    connection_limit: int
    default_tls_container_ref: str | None
    sni_container_refs: list[str]
    project_id: str
    default_pool_id: str | None
    l7policies: list[Ref]
    insert_headers: dict[str, str]
    created_at: str | None
    updated_at: str | None
    loadbalancers: list[Ref]
    timeout_client_data: int
    timeout_member_connect: int
    timeout_member_data: int
    timeout_tcp_inspect: int
    tags: list[str]
    client_ca_tls_container_ref: str | None
    client_authentication: str
    client_crl_container_ref: str | None
    allowed_cidrs: list[str] | None
    tls_ciphers: str | None
    tls_versions: list[str] | None
    alpn_protocols: list[str] | None
    hsts_max_age: int | None
    hsts_include_subdomains: bool
    hsts_preload: bool
    tenant_id: str


class ListenerAnswerBody(Answer, kw_only=True):
    """One listener."""

    listener: ListenerAnswer


def show(row: Any, related: Related) -> ListenerAnswer:
    """A listener from its row."""
    return ListenerAnswer(
        id=row.id,
        name=row.name,
        description=row.description,
        provisioning_status=row.provisioning_status,
        operating_status=row.operating_status,
        admin_state_up=row.admin_state_up,
        protocol=row.protocol,
        protocol_port=row.protocol_port,
        connection_limit=row.connection_limit,
        default_tls_container_ref=row.default_tls_container_ref,
        sni_container_refs=row.sni_container_refs,
        project_id=row.project_id,
        default_pool_id=row.default_pool_id,
        l7policies=refs(related["l7policies"]),
        insert_headers=row.insert_headers,
        created_at=moment(row.created_at),
        updated_at=moment(row.updated_at),
        loadbalancers=[Ref(id=row.load_balancer_id)],
        timeout_client_data=row.timeout_client_data,
        timeout_member_connect=row.timeout_member_connect,
        timeout_member_data=row.timeout_member_data,
        timeout_tcp_inspect=row.timeout_tcp_inspect,
        tags=row.tags,
        client_ca_tls_container_ref=row.client_ca_tls_container_ref,
        client_authentication=row.client_authentication,
        client_crl_container_ref=row.client_crl_container_ref,
        allowed_cidrs=row.allowed_cidrs or None,
        tls_ciphers=row.tls_ciphers,
        tls_versions=row.tls_versions or None,
        alpn_protocols=row.alpn_protocols or None,
        hsts_max_age=row.hsts_max_age,
        hsts_include_subdomains=row.hsts_include_subdomains,
        hsts_preload=row.hsts_preload,
        tenant_id=row.project_id,
    )


LISTENER = Noun(
    kind=Kind.LISTENER,
    one="listener",
    many="listeners",
    answer=ListenerAnswer,
    show=show,
    also={"loadbalancer_id": "load_balancer_id", "load_balancer_id": "load_balancer_id"},
)
