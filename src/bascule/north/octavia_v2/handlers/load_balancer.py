"""Load balancers: handlers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from msgspec import UNSET

from bascule.model.errors import Immutable
from bascule.model.objects import Kind, LoadBalancer, Tree
from bascule.north.octavia_v2 import choices, graph, members, query, vips
from bascule.north.octavia_v2.door import ORIGIN, Call, new_id
from bascule.north.octavia_v2.errors import Malformed, Problems
from bascule.north.octavia_v2.schemas import event, full, statistics, status
from bascule.north.octavia_v2.schemas import load_balancer as schema
from bascule.north.octavia_v2.schemas.load_balancer import (
    LOAD_BALANCER,
    LoadBalancerPost,
    LoadBalancerPostBody,
    LoadBalancerPut,
    LoadBalancerPutBody,
)
from bascule.north.octavia_v2.wire import known

EVENTS_SHOWN = 100


def index(call: Call) -> Any:
    """List load balancers."""
    return call.page(LOAD_BALANCER)


def show(call: Call, load_balancer_id: str) -> Any:
    """Show a load balancer."""
    return call.one(LOAD_BALANCER, load_balancer_id)


def create(call: Call, body: LoadBalancerPostBody) -> Any:
    """Create a load balancer, alone or with everything below it."""
    wanted = body.loadbalancer
    project_id = known(wanted.project_id) or known(wanted.tenant_id) or call.project_id
    call.authorise(project_id)
    if wanted.vip_sg_ids is not UNSET:
        call.authorise(project_id, "loadbalancer:post:vip_sg_ids")
    root = _root(call, wanted, project_id)
    stored = call.door.writer.create(graph.build(root, wanted), origin=ORIGIN)
    return full.show(stored)


def _root(call: Call, wanted: LoadBalancerPost, project_id: str) -> LoadBalancer:
    """The load balancer itself. All that the whole body refers to outside of it is looked up. Raises Malformed."""
    problems, subnets = Problems(), call.door.subnets
    provider = problems.attempt(lambda: _provider(call, wanted))
    problems.add(_unsupported(call, wanted))
    vip = problems.attempt(lambda: vips.main(subnets, wanted))
    more = problems.attempt(lambda: vips.additional(subnets, wanted, vip)) if vip else None
    problems.add(members.check(subnets, graph.members(wanted)))
    problems.attempt(lambda: call.check_certificates(graph.new_secrets(wanted), lambda: project_id))
    problems.refuse()
    assert provider is not None
    assert vip is not None
    assert more is not None
    return LoadBalancer(
        id=new_id(), project_id=project_id, provider=provider, vip=vip, additional_vips=more, **schema.attributes(wanted)
    )


def update(call: Call, body: LoadBalancerPutBody, load_balancer_id: str) -> Any:
    """Change a load balancer."""
    wanted = body.loadbalancer
    call.refuse_all(_unsupported(call, wanted), Kind.LOAD_BALANCER, load_balancer_id)
    if wanted.vip_sg_ids is not UNSET:
        call.require(Kind.LOAD_BALANCER, load_balancer_id, "loadbalancer:put:vip_sg_ids")

    def work(tree: Tree, each: LoadBalancer) -> Tree:
        return tree.put(schema.changed(each, wanted))

    with _own_state():
        call.change(Kind.LOAD_BALANCER, load_balancer_id, work)
    return call.one_again(LOAD_BALANCER, load_balancer_id)


def delete(call: Call, load_balancer_id: str) -> None:
    """Delete a load balancer, with everything below it where `cascade` is asked for."""
    cascade = query.flag(call.params, "cascade")
    call.located(Kind.LOAD_BALANCER, load_balancer_id)
    with _own_state():
        call.door.writer.delete(load_balancer_id, cascade=cascade, origin=ORIGIN)


def failover(call: Call, load_balancer_id: str) -> None:
    """Replace what carries a load balancer."""
    call.located(Kind.LOAD_BALANCER, load_balancer_id)
    with _own_state():
        call.door.writer.failover(load_balancer_id, origin=ORIGIN)


def statuses(call: Call, load_balancer_id: str) -> Any:
    """Show how a load balancer and everything below it stands."""
    stored = call.stored(load_balancer_id)
    return status.show(stored, call.door.reader.faults(load_balancer_id))


def stats(call: Call, load_balancer_id: str) -> Any:
    """Show the traffic counters of a load balancer."""
    call.located(Kind.LOAD_BALANCER, load_balancer_id)
    return statistics.show(call.door.reader.statistics(load_balancer_id).values())


def events(call: Call, load_balancer_id: str) -> Any:
    """List what happened to a load balancer, newest first."""
    call.located(Kind.LOAD_BALANCER, load_balancer_id)
    rows = call.door.reader.events(load_balancer_id, EVENTS_SHOWN)
    return event.EventsBody(events=[event.show(row) for row in rows])


@contextmanager
def _own_state() -> Iterator[None]:
    """Say that a load balancer is being deleted in the words that the original API has for the load balancer itself."""
    try:
        yield
    except Immutable as error:
        raise Malformed(f"Invalid state {error.status} of loadbalancer resource {error.id}", 409) from error


def _provider(call: Call, wanted: LoadBalancerPost) -> str:
    """The provider that is asked for: by name, else by the flavor, else the default."""
    named, flavored = known(wanted.provider), choices.flavor_provider(call, known(wanted.flavor_id))
    provider = named or flavored or call.door.default_provider
    if flavored not in (None, provider):
        raise Malformed(f"Flavor '{wanted.flavor_id}' is not compatible with provider '{provider}'")
    if provider not in call.door.providers:
        enabled = ", ".join(sorted(call.door.providers))
        raise Malformed(f"Provider '{provider}' is not enabled. Enabled: {enabled}")
    choices.check_zone(call, known(wanted.availability_zone), provider)
    return provider


def _unsupported(call: Call, wanted: LoadBalancerPut) -> Iterator[Malformed]:
    """Refusals of what needs a service that is not there."""
    if known(wanted.vip_qos_policy_id) and not call.door.subnets.anything:
        yield Malformed("Validation failure: vip_qos_policy_id: there is no network service that knows QoS policies")
    if known(wanted.vip_sg_ids) and not call.door.subnets.anything:
        yield Malformed("Validation failure: vip_sg_ids: there is no network service that knows security groups")
