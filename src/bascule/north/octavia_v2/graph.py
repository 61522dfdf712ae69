"""A load balancer that is created with everything below it in a single call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import UNSET

from bascule.model.definition import SecretUses
from bascule.model.errors import Invalid
from bascule.model.objects import Child, L7Policy, LoadBalancer, Pool, Tree
from bascule.north.octavia_v2.door import new_id
from bascule.north.octavia_v2.positions import arranged
from bascule.north.octavia_v2.schemas import health_monitor, l7policy, l7rule, listener, member, pool
from bascule.north.octavia_v2.schemas.l7policy import LAST, L7PolicyNested
from bascule.north.octavia_v2.schemas.listener import ListenerNested
from bascule.north.octavia_v2.schemas.load_balancer import LoadBalancerPost
from bascule.north.octavia_v2.schemas.member import MemberNested
from bascule.north.octavia_v2.schemas.pool import PoolNested
from bascule.north.octavia_v2.wire import known

_SAYS_NOTHING = frozenset({"name", "admin_state_up", "tls_enabled"})
"""A pool with nothing but these is only the name of one that is defined elsewhere in the call."""


def build(load_balancer: LoadBalancer, body: LoadBalancerPost) -> Tree:
    """The tree that a body asks for. Raises Invalid."""
    listeners = known(body.listeners) or []
    pools = _Pools([*(known(body.pools) or []), *_inline_pools(listeners)])
    below = [each for nested in listeners for each in _listener(nested, pools)]
    return Tree(load_balancer).put(*pools.children(), *below)


def members(body: LoadBalancerPost) -> Iterator[MemberNested]:
    """All members in a body."""
    for each in _all_pools(body):
        yield from known(each.members) or []


def new_secrets(body: LoadBalancerPost) -> list[SecretUses]:
    """The references to certificates in a body, object by object, and what each is used as."""
    found = [listener.new_secrets(each) for each in known(body.listeners) or []]
    return found + [pool.new_secrets(each) for each in _all_pools(body)]


def _all_pools(body: LoadBalancerPost) -> list[PoolNested]:
    return [*(known(body.pools) or []), *_inline_pools(known(body.listeners) or [])]


def _inline_pools(listeners: Iterable[ListenerNested]) -> Iterator[PoolNested]:
    for nested in listeners:
        if default := known(nested.default_pool):
            yield default
        for policy in known(nested.l7policies) or []:
            if target := known(policy.redirect_pool):
                yield target


class _Pools:
    """The pools of one call, by name. Each is defined once, and may be referred to by name wherever a pool may stand."""

    def __init__(self, bodies: Iterable[PoolNested]) -> None:
        self._bodies: dict[str, PoolNested] = {}
        self._made: dict[str, Pool] = {}
        names = []
        for body in bodies:
            name = known(body.name)
            if not name:
                raise Invalid("Pools must have a name when they are created together with a load balancer")
            names.append(name)
            if _is_full(body):
                self._define(name, body)
        for name in names:
            if name not in self._made:
                raise Invalid(f"Pool '{name}' was referenced but no full definition was found.")

    def _define(self, name: str, body: PoolNested) -> None:
        if name in self._made:
            raise Invalid(f"Pool '{name}' is defined more than once. The names of pools must differ within a call")
        if body.protocol is UNSET or body.lb_algorithm is UNSET:
            raise Invalid(f"Pool '{name}': protocol and lb_algorithm are needed")
        self._bodies[name] = body
        self._made[name] = pool.created(body, new_id())

    def id_of(self, body: PoolNested | None) -> str | None:
        """The id of the pool that a body defines or names."""
        return None if body is None else self._made[str(body.name)].id

    def children(self) -> Iterator[Child]:
        """The pools with what belongs to them, in order of definition."""
        for name, made in self._made.items():
            yield made
            body = self._bodies[name]
            if monitor := known(body.healthmonitor):
                yield health_monitor.created(monitor, made.id, new_id())
            for each in known(body.members) or []:
                yield member.created(each, made.id, new_id())


def _is_full(body: PoolNested) -> bool:
    return any(getattr(body, name) is not UNSET for name in body.__struct_fields__ if name not in _SAYS_NOTHING)


def _check_one_pool(body: ListenerNested | L7PolicyNested, name: str) -> None:
    if known(getattr(body, name)) is not None and known(getattr(body, f"{name}_id")) is not None:
        raise Invalid(f"{name} and {name}_id exclude each other; give one of them")


def _listener(body: ListenerNested, pools: _Pools) -> Iterator[Child]:
    """A listener with what belongs to it, in order of definition."""
    _check_one_pool(body, "default_pool")
    made = listener.created(body, new_id(), pools.id_of(known(body.default_pool)))
    yield made
    nested = known(body.l7policies) or []
    policies = [_policy(each, made.id, pools) for each in nested]
    for each, policy in zip(nested, arranged(policies, (known(each.position) or LAST for each in nested)), strict=True):
        yield policy
        for rule in known(each.rules) or []:
            yield l7rule.created(rule, policy.id, new_id())


def _policy(body: L7PolicyNested, listener_id: str, pools: _Pools) -> L7Policy:
    _check_one_pool(body, "redirect_pool")
    return l7policy.created(body, listener_id, new_id(), pools.id_of(known(body.redirect_pool)))
