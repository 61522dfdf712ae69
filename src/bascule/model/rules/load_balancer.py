"""Rules for load balancers."""

from __future__ import annotations

from collections.abc import Iterator

from bascule.model.errors import Invalid, Refused
from bascule.model.objects import LoadBalancer, Tree


def check(tree: Tree, load_balancer: LoadBalancer) -> Iterator[Refused]:
    """Refusals of VIPs that share a subnet, and security groups beside lists of allowed addresses."""
    subnets = [vip.subnet_id for vip in (load_balancer.vip, *load_balancer.additional_vips) if vip.subnet_id is not None]
    if len(set(subnets)) < len(subnets):
        yield Invalid("additional_vips: only one VIP per subnet is allowed, vip_subnet_id included")
    if load_balancer.vip_sg_ids and any(listener.allowed_cidrs for listener in tree.listeners):
        yield Invalid("vip_sg_ids cannot be used while a listener has allowed_cidrs")
