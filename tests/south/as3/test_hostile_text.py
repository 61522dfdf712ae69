"""Whatever a user writes, wherever there is a place for text: it is refused, or reaches the device as letters and digits alone."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from bascule.model.definition import ServiceDefinition, secret_refs
from bascule.model.objects import Object, SessionPersistence, Tree, Vip
from bascule.model.secrets import SecretRef
from bascule.south.as3.options import Options
from bascule.south.as3.render import refuse, render
from tests.cases import loader
from tests.cases.features import attributes
from tests.south.as3.checks import faults

pytestmark = pytest.mark.slow

OPTIONS = Options(regular_expressions=True)
TEXTS = [
    *('a"b', "a{b", "a}b", "a[exit]b", "a$env(HOME)b", "a\\b", "a;exit;b", "a`T`b", "a\nb", "a b", "a\u00e9b", "#a"),
    *("/a}[exit]{b", "http://x/}[exit]{", "AES128-SHA;x"),
]
_OBJECTS = 4
"""How many objects each text is tried in, at each place."""

OURS = {"id", "pool_id", "listener_id", "l7policy_id", "default_pool_id", "redirect_pool_id", "vip.address"}
"""Ids are made by us, and so are addresses of load balancers, by then."""

_PARTS = {"vip": Vip, "session_persistence": SessionPersistence}


def _places(each: Object) -> Iterator[tuple[str, Any]]:
    """The attributes of an object that hold text, with how to write one there."""
    for name, hint in attributes(type(each)):
        if name in OURS or hint not in (str, str | None, tuple[str, ...]):
            continue
        outer, _, inner = name.partition(".")
        if inner and getattr(each, outer) is None:
            continue
        yield name, (lambda text, hint=hint: (text,) if hint == tuple[str, ...] else text)


def _with(each: Any, name: str, value: Any) -> Object:
    outer, _, inner = name.partition(".")
    part = dataclasses.replace(getattr(each, outer), **{inner: value}) if inner else value
    changed: Object = dataclasses.replace(each, **{outer: part})
    return changed


@cache
def _cases() -> list[ServiceDefinition]:
    found = [loader.definition(name) for name in loader.NAMES]
    return [each for each in found if not refuse(each.tree, OPTIONS)]


def _strings(body: Any) -> Iterator[str]:
    """All texts of a declaration, and the names in it."""
    if isinstance(body, dict):
        for name, each in body.items():
            yield name
            yield from _strings(each)
    elif isinstance(body, list):
        for each in body:
            yield from _strings(each)
    elif isinstance(body, str):
        yield body


def _found(definition: ServiceDefinition, tree: Tree, each: Object, text: str) -> list[str]:
    """What is wrong with a declaration that holds a text somewhere, other than in what stands for a secret and is not sent."""
    more = {ref: SecretRef("p", ref, "0" * 64) for ref in secret_refs(each)}
    changed = dataclasses.replace(definition, tree=tree, secrets={**definition.secrets, **more})
    ((name, body),) = render(changed, OPTIONS).items()
    tenant = json.loads(body, object_hook=lambda read: "" if "bascule" in read else read)
    return [*faults(name, tenant), *(each for each in _strings(tenant) if text in each and len(text) > 3)]


@pytest.mark.parametrize("text", TEXTS)
def test_no_trace_of_hostile_text_reaches_a_device(text: str) -> None:
    tried: Counter[str] = Counter()
    carried = set()
    for definition in _cases():
        for each in definition.tree.objects():
            for name, written in _places(each):
                place = f"{each.kind}.{name}"
                tried[place] += 1
                if tried[place] > _OBJECTS:
                    continue
                changed = _with(each, name, written(text))
                tree = definition.tree.put(changed)
                if refuse(tree, OPTIONS):
                    continue
                carried.add(place)
                assert _found(definition, tree, changed, text) == [], (each.kind, name, definition.tree.load_balancer.name)
    assert {"load_balancer.name", "pool.description", "l7policy.name", "listener.tags"} <= carried
