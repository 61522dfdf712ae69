"""Health monitors: bodies and answers."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

from msgspec import UNSET, Meta

from bascule.model.objects import HealthMonitor, HttpMethod, Kind, MonitorType
from bascule.model.rules.health_monitor import HTTP_TYPES
from bascule.north.octavia_v2.checked import Uuid
from bascule.north.octavia_v2.schemas.common import Answer, Noun, Ref, Related, moment
from bascule.north.octavia_v2.wire import Attributes, Body, Given, Maybe, ProjectId, Text

Seconds = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Retries = Annotated[int, Meta(ge=1, le=10)]
Codes = Annotated[str, Meta(max_length=64)]


class HealthMonitorPut(Body, kw_only=True):
    """What of a health monitor can be changed."""

    name: Maybe[Text] = UNSET
    delay: Given[Seconds] = UNSET
    timeout: Given[Seconds] = UNSET
    max_retries: Given[Retries] = UNSET
    max_retries_down: Maybe[Retries] = UNSET
    http_method: Maybe[HttpMethod] = UNSET
    url_path: Maybe[Text] = UNSET
    expected_codes: Maybe[Codes] = UNSET
    admin_state_up: Maybe[bool] = UNSET
    tags: Maybe[list[Text]] = UNSET
    http_version: Maybe[float] = UNSET
    domain_name: Maybe[Text] = UNSET


class HealthMonitorNested(HealthMonitorPut, kw_only=True):
    """A health monitor of a load balancer that is created in a single call."""

    type: MonitorType
    delay: Seconds
    timeout: Seconds
    max_retries: Retries


class HealthMonitorPost(HealthMonitorNested, kw_only=True):
    """A new health monitor."""

    pool_id: Uuid
    project_id: Maybe[ProjectId] = UNSET
    tenant_id: Maybe[ProjectId] = UNSET


class HealthMonitorPutBody(Body, kw_only=True):
    """The body of a change."""

    healthmonitor: HealthMonitorPut


class HealthMonitorPostBody(Body, kw_only=True):
    """The body of a creation."""

    healthmonitor: HealthMonitorPost


_attributes = Attributes(HealthMonitor, but=("pool_id",))


def created(body: HealthMonitorNested, pool_id: str, monitor_id: str) -> HealthMonitor:
    """A new health monitor."""
    return _settled(HealthMonitor(id=monitor_id, pool_id=pool_id, **_attributes(body)))


def changed(monitor: HealthMonitor, body: HealthMonitorPut) -> HealthMonitor:
    """A health monitor with the changes that a body asks for."""
    return _settled(dataclasses.replace(monitor, **_attributes(body)))


def _settled(monitor: HealthMonitor) -> HealthMonitor:
    """A monitor that speaks HTTP, with what it asks for and expects filled in."""
    if monitor.type not in HTTP_TYPES:
        return monitor
    return dataclasses.replace(
        monitor,
        http_method=monitor.http_method or HttpMethod.GET,
        url_path="/" if monitor.url_path is None else monitor.url_path,
        expected_codes="200" if monitor.expected_codes is None else monitor.expected_codes,
    )


class HealthMonitorAnswer(Answer, kw_only=True):
    """A health monitor as it is shown."""

    id: str
    name: str
    type: str
    delay: int
    timeout: int
    max_retries: int
    max_retries_down: int
    http_method: str | None
    url_path: str | None
    expected_codes: str | None
    admin_state_up: bool
    project_id: str
    pools: list[Ref]
    provisioning_status: str
    operating_status: str
    created_at: str | None
    updated_at: str | None
    tags: list[str]
    http_version: float | None
    domain_name: str | None
    tenant_id: str


class HealthMonitorAnswerBody(Answer, kw_only=True):
    """One health monitor."""

    healthmonitor: HealthMonitorAnswer


def show(row: Any, related: Related) -> HealthMonitorAnswer:
    """A health monitor from its row."""
    return HealthMonitorAnswer(
        id=row.id,
        name=row.name,
        type=row.type,
        delay=row.delay,
        timeout=row.timeout,
        max_retries=row.max_retries,
        max_retries_down=row.max_retries_down,
        http_method=row.http_method,
        url_path=row.url_path,
        expected_codes=row.expected_codes,
        admin_state_up=row.admin_state_up,
        project_id=row.project_id,
        pools=[Ref(id=row.pool_id)],
        provisioning_status=row.provisioning_status,
        operating_status=row.operating_status,
        created_at=moment(row.created_at),
        updated_at=moment(row.updated_at),
        tags=row.tags,
        http_version=row.http_version,
        domain_name=row.domain_name,
        tenant_id=row.project_id,
    )


HEALTH_MONITOR = Noun(
    kind=Kind.HEALTH_MONITOR,
    one="healthmonitor",
    many="healthmonitors",
    answer=HealthMonitorAnswer,
    show=show,
    also={"pool_id": "pool_id"},
)
