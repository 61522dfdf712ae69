"""Random load balancers: every attribute takes every kind of value, and what must be unique is.

What a field may hold follows from its type, so that new fields are covered as they come.
"""

from __future__ import annotations

import dataclasses
import types
import typing
import uuid
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from hypothesis import strategies as st

from bascule.model.objects import (
    Child,
    HealthMonitor,
    L7Policy,
    L7Rule,
    Listener,
    LoadBalancer,
    Member,
    Pool,
    Tree,
)
from bascule.model.status import Operating, Provisioning, Stamps, Standing

ids = st.builds(lambda: str(uuid.uuid4()))
"""Ids that no other example has: examples share a database."""

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=16)
"""No longer than the shortest column."""

small = st.integers(0, 2**31 - 1)
ports = st.integers(1, 65535)
times = st.floats(0, 2**32)


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Any value of a field's type."""
    arguments = typing.get_args(hint)
    if isinstance(hint, types.UnionType):
        return st.one_of([st.none() if each is types.NoneType else values(each) for each in arguments])
    if typing.get_origin(hint) is tuple:
        return st.lists(values(arguments[0]), max_size=3, unique=True).map(tuple)
    if typing.get_origin(hint) is Mapping:
        return st.dictionaries(texts, texts, max_size=3)
    if dataclasses.is_dataclass(hint):
        return built(typing.cast("type[Any]", hint))
    if issubclass(hint, StrEnum):
        return st.sampled_from(list(hint))
    plain: dict[type, st.SearchStrategy[Any]] = {
        str: texts,
        bool: st.booleans(),
        int: small,
        float: st.floats(allow_nan=False, allow_infinity=False, width=32),
    }
    return plain[hint]


def built(made: type[Any], **fixed: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Values of a class; the fields not named here are chosen by their types."""
    hints = typing.get_type_hints(made)
    return st.builds(made, **{name: fixed.get(name, values(hint)) for name, hint in hints.items()})


def _one_of(some: list[Any]) -> st.SearchStrategy[Any]:
    return st.sampled_from([None, *(each.id for each in some)])


@st.composite
def children(draw: st.DrawFn, most: int = 3) -> list[Child]:
    """What may stand below one load balancer, in an order in which it could have been created."""

    def some(made: type[Any], unique: Callable[[Any], Any], **fixed: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(built(made, id=ids, **fixed), max_size=most, unique_by=unique))

    pools = some(Pool, lambda pool: pool.id)
    listeners = some(Listener, lambda each: each.protocol_port, protocol_port=ports, default_pool_id=_one_of(pools))
    below: list[Child] = []
    for pool in pools:
        owner = st.just(pool.id)
        below += some(Member, lambda each: (each.address, each.protocol_port), pool_id=owner, protocol_port=ports)
        below += draw(st.lists(built(HealthMonitor, id=ids, pool_id=owner), max_size=1))
    for listener in listeners:
        policies = some(
            L7Policy,
            lambda each: each.position,
            listener_id=st.just(listener.id),
            position=st.integers(1, 50),
            redirect_pool_id=_one_of(pools),
        )
        below += policies
        for policy in policies:
            below += some(L7Rule, lambda rule: rule.id, l7policy_id=st.just(policy.id))
    return [*draw(st.permutations([*pools, *listeners])), *below]


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    """A load balancer with up to a few of everything below it."""
    root = draw(built(LoadBalancer, id=ids, project_id=ids))
    return Tree(root, {child.id: child for child in draw(children())})


@st.composite
def standings(draw: st.DrawFn, *, deleted: bool = False) -> Standing:
    """How an object may stand that is wanted, or deleted and not gone."""
    created = draw(st.integers(1, 1000))
    changed = draw(st.integers(created, 2000))
    return Standing(
        stamps=Stamps(created, changed, draw(st.integers(changed, 3000)) if deleted else None),
        created_at=draw(times),
        updated_at=draw(st.none() | times),
        provisioning_status=draw(st.sampled_from([each for each in Provisioning if each is not Provisioning.DELETED])),
        operating_status=draw(st.sampled_from(Operating)),
    )
