"""The standard load balancer of every measurement.

It has 2 listeners, 2 pools, 4 members, 1 health monitor, and 1 L7 policy with 1 rule. All addresses are from 198.18.0.0/15, which
is set aside for measurements.
"""

from __future__ import annotations

import uuid
from typing import Any

from bascule.model.definition import Subnet
from bascule.model.objects import (
    Algorithm,
    CompareType,
    HealthMonitor,
    L7Policy,
    L7Rule,
    Listener,
    ListenerProtocol,
    LoadBalancer,
    Member,
    MonitorType,
    PolicyAction,
    Pool,
    PoolProtocol,
    RuleType,
    Tree,
    Vip,
)

PROJECT = "00000000000000000000000000000000"
VIPS = Subnet(
    id="5f1b2c7e-0000-4000-8000-000000000001",
    name="vips",
    network_id="5f1b2c7e-0000-4000-8000-000000000002",
    cidr="198.18.0.0/16",
    first="198.18.0.1",
    last="198.18.255.254",
    members=False,
)
MEMBERS = Subnet(
    id="5f1b2c7e-0000-4000-8000-000000000003",
    name="members",
    network_id="5f1b2c7e-0000-4000-8000-000000000004",
    cidr="198.19.0.0/16",
    first="198.19.0.1",
    last="198.19.255.254",
    vips=False,
)


def body(name: str) -> dict[str, Any]:
    """The request that creates one in a single call."""
    api = {"name": "api", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN", "members": [_member(3), _member(4)]}
    monitor = {"type": "TCP", "delay": 5, "timeout": 3, "max_retries": 3}
    web = {"name": "web", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN", "healthmonitor": monitor}
    rule = {"type": "PATH", "compare_type": "STARTS_WITH", "value": "/api"}
    policy = {"action": "REDIRECT_TO_POOL", "redirect_pool": {"name": "api"}, "rules": [rule]}
    front = {"name": "front", "protocol": "HTTP", "protocol_port": 80, "default_pool": {"name": "web"}, "l7policies": [policy]}
    side = {"name": "side", "protocol": "HTTP", "protocol_port": 8080, "default_pool": {"name": "api"}}
    return {
        "loadbalancer": {
            "name": name,
            "vip_subnet_id": VIPS.id,
            "listeners": [front, side],
            "pools": [web | {"members": [_member(1), _member(2)]}, api],
        }
    }


def _member(number: int) -> dict[str, Any]:
    return {"address": f"198.19.0.{number}", "protocol_port": 8080}


def member_body(number: int) -> dict[str, Any]:
    """The request that adds a member; a different one for each number below 2**16."""
    return {"member": {"address": f"198.19.{number >> 8 & 255}.{number & 255}", "protocol_port": 9000}}


def tree(load_balancer_id: str, name: str, vip: Vip) -> Tree:
    """The same load balancer as a value."""
    root = LoadBalancer(id=load_balancer_id, project_id=PROJECT, provider="memory", name=name, vip=vip)
    web, api = (
        Pool(id=new_id(), name=pool, protocol=PoolProtocol.HTTP, lb_algorithm=Algorithm.ROUND_ROBIN) for pool in ("web", "api")
    )
    front = Listener(id=new_id(), name="front", protocol=ListenerProtocol.HTTP, protocol_port=80, default_pool_id=web.id)
    side = Listener(id=new_id(), name="side", protocol=ListenerProtocol.HTTP, protocol_port=8080, default_pool_id=api.id)
    first, second, third, fourth = (
        Member(id=new_id(), pool_id=pool.id, address=f"198.19.0.{number}", protocol_port=8080)
        for number, pool in enumerate((web, web, api, api), 1)
    )
    monitor = HealthMonitor(id=new_id(), pool_id=web.id, type=MonitorType.TCP, delay=5, timeout=3, max_retries=3)
    policy = L7Policy(id=new_id(), listener_id=front.id, action=PolicyAction.REDIRECT_TO_POOL, redirect_pool_id=api.id, position=1)
    rule = L7Rule(id=new_id(), l7policy_id=policy.id, type=RuleType.PATH, compare_type=CompareType.STARTS_WITH, value="/api")
    return Tree(root).put(web, monitor, first, second, api, third, fourth, front, policy, rule, side)


def new_id() -> str:
    """An id that nothing has."""
    return str(uuid.uuid4())
