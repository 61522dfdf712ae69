"""Members: bodies and answers."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

from msgspec import UNSET, Meta

from bascule.model.objects import Kind, Member
from bascule.north.octavia_v2.checked import IpAddress, Uuid
from bascule.north.octavia_v2.schemas.common import Answer, Noun, Related, moment
from bascule.north.octavia_v2.wire import Attributes, Body, Maybe, Port, ProjectId, Text

Weight = Annotated[int, Meta(ge=0, le=256)]


class MemberPut(Body, kw_only=True):
    """What of a member can be changed."""

    name: Maybe[Text] = UNSET
    admin_state_up: Maybe[bool] = UNSET
    weight: Maybe[Weight] = UNSET
    backup: Maybe[bool] = UNSET
    monitor_port: Maybe[Port] = UNSET
    monitor_address: Maybe[IpAddress] = UNSET
    tags: Maybe[list[Text]] = UNSET


class MemberNested(MemberPut, kw_only=True):
    """A member of a load balancer that is created in a single call."""

    address: IpAddress
    protocol_port: Port
    subnet_id: Maybe[Uuid] = UNSET
    request_sriov: Maybe[bool] = UNSET


class MemberPost(MemberNested, kw_only=True):
    """A new member. The project is that of the pool, whatever is said here."""

    project_id: Maybe[ProjectId] = UNSET
    tenant_id: Maybe[ProjectId] = UNSET


class MemberPutBody(Body, kw_only=True):
    """The body of a change."""

    member: MemberPut


class MemberPostBody(Body, kw_only=True):
    """The body of a creation."""

    member: MemberPost


class MembersPutBody(Body, kw_only=True):
    """The body that says what all members of a pool are."""

    members: list[MemberPost]


_attributes = Attributes(Member)


def created(body: MemberNested, pool_id: str, member_id: str) -> Member:
    """A new member."""
    return Member(id=member_id, pool_id=pool_id, **_attributes(body))


def changed(member: Member, body: MemberPut) -> Member:
    """A member with the changes that a body asks for."""
    return dataclasses.replace(member, **_attributes(body))


def replaced(member: Member, body: MemberPost) -> Member:
    """A member as a list of all members wants it: what is not mentioned has its default, but for the name and the tags."""
    wanted = created(body, member.pool_id, member.id)
    return dataclasses.replace(
        wanted,
        name=member.name if body.name is UNSET else wanted.name,
        tags=member.tags if body.tags is UNSET else wanted.tags,
        subnet_id=member.subnet_id,
    )


class MemberAnswer(Answer, kw_only=True):
    """A member as it is shown."""

    id: str
    name: str
    operating_status: str
    provisioning_status: str
    admin_state_up: bool
    address: str
    protocol_port: int
    weight: int
    backup: bool
    subnet_id: str | None
    project_id: str
    created_at: str | None
    updated_at: str | None
    monitor_address: str | None
    monitor_port: int | None
    tags: list[str]
    vnic_type: str
    tenant_id: str


class MemberAnswerBody(Answer, kw_only=True):
    """One member."""

    member: MemberAnswer


def show(row: Any, related: Related) -> MemberAnswer:
    """A member from its row."""
    return MemberAnswer(
        id=row.id,
        name=row.name,
        operating_status=row.operating_status,
        provisioning_status=row.provisioning_status,
        admin_state_up=row.admin_state_up,
        address=row.address,
        protocol_port=row.protocol_port,
        weight=row.weight,
        backup=row.backup,
        subnet_id=row.subnet_id,
        project_id=row.project_id,
        created_at=moment(row.created_at),
        updated_at=moment(row.updated_at),
        monitor_address=row.monitor_address,
        monitor_port=row.monitor_port,
        tags=row.tags,
        vnic_type=row.vnic_type,
        tenant_id=row.project_id,
    )


MEMBER = Noun(kind=Kind.MEMBER, one="member", many="members", answer=MemberAnswer, show=show, also={"pool_id": "pool_id"})
