"""Amphorae: answers. Each is the processes that carry one load balancer."""

from __future__ import annotations

from collections.abc import Mapping

from bascule.core.amphorae import Amphora, CarrierState
from bascule.model.status import Statistics
from bascule.north.octavia_v2.schemas.common import Answer, Listing, moment


class AmphoraAnswer(Answer, kw_only=True):
    """An amphora as it is shown. What belongs to virtual machines is null; `compute_id` is the name of the host."""

    id: str
    loadbalancer_id: str
    compute_id: str
    lb_network_ip: str | None
    vrrp_ip: str
    ha_ip: str
    vrrp_port_id: str | None
    ha_port_id: str | None
    cert_expiration: str | None
    cert_busy: bool
    role: str
    status: str
    vrrp_interface: str | None
    vrrp_id: int | None
    vrrp_priority: int | None
    cached_zone: str | None
    created_at: str | None
    updated_at: str | None
    image_id: str | None
    compute_flavor: str | None


class AmphoraAnswerBody(Answer, kw_only=True):
    """One amphora."""

    amphora: AmphoraAnswer


class AmphoraStatsAnswer(Answer, kw_only=True):
    """What an amphora has counted for one listener."""

    id: str
    loadbalancer_id: str
    listener_id: str
    active_connections: int
    bytes_in: int
    bytes_out: int
    request_errors: int
    total_connections: int


class AmphoraStatsBody(Answer, kw_only=True):
    """What an amphora has counted, listener by listener."""

    amphora_stats: list[AmphoraStatsAnswer]


_STATUS = {
    CarrierState.FILLING: "PENDING_CREATE",
    CarrierState.SERVING: "ALLOCATED",
    CarrierState.RETIRING: "PENDING_DELETE",
    CarrierState.LOST: "ERROR",
}


def status(amphora: Amphora) -> str:
    """How an amphora stands. One that does not answer is in ERROR, also while it is deleted."""
    leaving = amphora.leaving and amphora.state is not CarrierState.LOST
    return "PENDING_DELETE" if leaving else _STATUS[amphora.state]


def show(amphora: Amphora) -> AmphoraAnswer:
    """An amphora."""
    return AmphoraAnswer(
        id=amphora.id,
        loadbalancer_id=amphora.load_balancer_id,
        compute_id=amphora.name,
        lb_network_ip=None,
        vrrp_ip=amphora.vip_address,
        ha_ip=amphora.vip_address,
        vrrp_port_id=None,
        ha_port_id=amphora.vip_port_id,
        cert_expiration=None,
        cert_busy=False,
        role="STANDALONE",
        status=status(amphora),
        vrrp_interface=None,
        vrrp_id=None,
        vrrp_priority=None,
        cached_zone=None,
        created_at=moment(amphora.created_at),
        updated_at=None,
        image_id=None,
        compute_flavor=None,
    )


def show_statistics(amphora: Amphora, counted: Mapping[str, Statistics]) -> AmphoraStatsBody:
    """What an amphora has counted."""
    return AmphoraStatsBody(
        amphora_stats=[
            AmphoraStatsAnswer(
                id=amphora.id,
                loadbalancer_id=amphora.load_balancer_id,
                listener_id=listener_id,
                active_connections=each.active_connections,
                bytes_in=each.bytes_in,
                bytes_out=each.bytes_out,
                request_errors=each.request_errors,
                total_connections=each.total_connections,
            )
            for listener_id, each in counted.items()
        ]
    )


AMPHORA = Listing(one="amphora", many="amphorae", answer=AmphoraAnswer, also={"project_id": "project_id"})
