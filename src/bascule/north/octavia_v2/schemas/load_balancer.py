"""Load balancers: bodies and answers."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

from msgspec import UNSET, Meta

from bascule.model.objects import Kind, LoadBalancer
from bascule.north.octavia_v2.checked import IpAddress, Uuid
from bascule.north.octavia_v2.schemas.common import Answer, Noun, Ref, Related, moment, refs
from bascule.north.octavia_v2.schemas.listener import ListenerNested
from bascule.north.octavia_v2.schemas.pool import PoolNested
from bascule.north.octavia_v2.wire import Attributes, Body, Maybe, ProjectId, Text

ProviderName = Annotated[str, Meta(max_length=64)]


class LoadBalancerPut(Body, kw_only=True):
    """What of a load balancer can be changed."""

    name: Maybe[Text] = UNSET
    description: Maybe[Text] = UNSET
    admin_state_up: Maybe[bool] = UNSET
    vip_qos_policy_id: Maybe[Uuid] = UNSET
    vip_sg_ids: Maybe[list[Uuid]] = UNSET
    tags: Maybe[list[Text]] = UNSET


class AdditionalVip(Body, kw_only=True):
    """One more address."""

    subnet_id: Uuid
    ip_address: Maybe[IpAddress] = UNSET
    port_id: Maybe[Uuid] = UNSET


class LoadBalancerPost(LoadBalancerPut, kw_only=True):
    """A new load balancer, alone or with everything below it."""

    project_id: Maybe[ProjectId] = UNSET
    tenant_id: Maybe[ProjectId] = UNSET
    vip_address: Maybe[IpAddress] = UNSET
    vip_port_id: Maybe[Uuid] = UNSET
    vip_subnet_id: Maybe[Uuid] = UNSET
    vip_network_id: Maybe[Uuid] = UNSET
    additional_vips: Maybe[list[AdditionalVip]] = UNSET
    provider: Maybe[ProviderName] = UNSET
    flavor_id: Maybe[Uuid] = UNSET
    availability_zone: Maybe[Text] = UNSET
    listeners: Maybe[list[ListenerNested]] = UNSET
    pools: Maybe[list[PoolNested]] = UNSET


class LoadBalancerPutBody(Body, kw_only=True):
    """The body of a change."""

    loadbalancer: LoadBalancerPut


class LoadBalancerPostBody(Body, kw_only=True):
    """The body of a creation."""

    loadbalancer: LoadBalancerPost


attributes = Attributes(LoadBalancer, but=("project_id", "provider", "additional_vips"))


def changed(load_balancer: LoadBalancer, body: LoadBalancerPut) -> LoadBalancer:
    """A load balancer with the changes that a body asks for."""
    return dataclasses.replace(load_balancer, **attributes(body))


class AdditionalVipAnswer(Answer, kw_only=True):
    """One more address, as it is shown."""

    subnet_id: str | None
    ip_address: str
    port_id: str | None


class LoadBalancerAnswer(Answer, kw_only=True):
    """A load balancer as it is shown."""

    id: str
    name: str
    description: str
    provisioning_status: str
    operating_status: str
    admin_state_up: bool
    project_id: str
    created_at: str | None
    updated_at: str | None
    vip_address: str
    vip_port_id: str | None
    vip_subnet_id: str | None
    vip_network_id: str | None
    vip_sg_ids: list[str]
    additional_vips: list[AdditionalVipAnswer]
    listeners: list[Ref]
    pools: list[Ref]
    provider: str
    flavor_id: str | None
    vip_qos_policy_id: str | None
    tags: list[str]
    availability_zone: str | None
    vip_vnic_type: str
    tenant_id: str


class LoadBalancerAnswerBody(Answer, kw_only=True):
    """One load balancer."""

    loadbalancer: LoadBalancerAnswer


def show(row: Any, related: Related) -> LoadBalancerAnswer:
    """A load balancer from its row."""
    return LoadBalancerAnswer(
        id=row.id,
        name=row.name,
        description=row.description,
        provisioning_status=row.provisioning_status,
        operating_status=row.operating_status,
        admin_state_up=row.admin_state_up,
        project_id=row.project_id,
        created_at=moment(row.created_at),
        updated_at=moment(row.updated_at),
        vip_address=row.vip_address,
        vip_port_id=row.vip_port_id,
        vip_subnet_id=row.vip_subnet_id,
        vip_network_id=row.vip_network_id,
        vip_sg_ids=row.vip_sg_ids,
        additional_vips=[
            AdditionalVipAnswer(subnet_id=vip["subnet_id"], ip_address=vip["address"], port_id=vip["port_id"])
            for vip in row.additional_vips
        ],
        listeners=refs(related["listeners"]),
        pools=refs(related["pools"]),
        provider=row.provider,
        flavor_id=row.flavor_id,
        vip_qos_policy_id=row.vip_qos_policy_id,
        tags=row.tags,
        availability_zone=row.availability_zone,
        vip_vnic_type="normal",
        tenant_id=row.project_id,
    )


LOAD_BALANCER = Noun(kind=Kind.LOAD_BALANCER, one="loadbalancer", many="loadbalancers", answer=LoadBalancerAnswer, show=show)
