"""Load balancers as they are wanted, and random edits of them.

What is wanted is a tree of things that are known by their names, which are never used twice; so the outcome of an edit can be told
from a look at the API even where the answer, and with it the ids of what is new, was lost.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from chaos.site import VIPS

ROOT = "loadbalancer"
LISTENER, POOL, MEMBER, MONITOR, POLICY, RULE = "listener", "pool", "member", "healthmonitor", "l7policy", "rule"
PATHS = {ROOT: "loadbalancers", LISTENER: "listeners", POOL: "pools", MONITOR: "healthmonitors", POLICY: "l7policies"}

REFERENCES = ("default_pool_id", "redirect_pool_id")
"""Attributes that hold ids in the API and names here."""

_PORTS = range(8000, 8040)
_MOST = {LISTENER: 4, POOL: 4, MEMBER: 8, POLICY: 3, RULE: 3}


@dataclass(frozen=True, slots=True)
class Thing:
    """One object: its kind, the name of what it belongs to, and those of its attributes that were ever given."""

    kind: str
    parent: str | None
    given: Mapping[str, Any] = field(default_factory=dict)


Tree = Mapping[str, Thing]
"""One load balancer with everything below it, by name. The root comes first. Never changed in place."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A request, and what is wanted once it is carried out; None: nothing is."""

    what: str
    method: str
    path: str
    body: Any
    after: Tree | None


@dataclass(slots=True)
class Balancer:
    """One load balancer. `ids` are those of the things in `tree`, as far as they are known.

    `unsure` is an edit of which it is not known whether it was carried out, and since when, on the monotonic clock; a load balancer
    that has one is left alone.
    """

    name: str
    tree: Tree | None
    ids: dict[str, str] = field(default_factory=dict)
    unsure: tuple[Edit, float] | None = None

    @property
    def id(self) -> str | None:
        """Its id, if it is known."""
        return self.ids.get(self.name)

    @property
    def outcomes(self) -> list[Tree | None]:
        """What may be wanted."""
        return [self.tree] if self.unsure is None else [self.unsure[0].after, self.tree]


class Author:
    """Makes up edits. What it makes up follows from the seed and from what has become of the edits before."""

    def __init__(self, seed: str, prefix: str, members: str) -> None:
        self.random = random.Random(seed)
        self._prefix = prefix
        self._members = members
        self._count = 0

    def name(self) -> str:
        """A name that nothing else ever had."""
        self._count += 1
        return f"{self._prefix}-{self._count}"

    def create(self, provider: str) -> tuple[Balancer, Edit]:
        """A new load balancer, sometimes with everything below it in a single call."""
        name = self.name()
        root: dict[str, Any] = {"name": name, "provider": provider, "vip_subnet_id": VIPS, "description": self._word()}
        tree: dict[str, Thing] = {name: Thing(ROOT, None, _but(root, "name"))}
        body = dict(root)
        if self.random.random() < 0.7:
            body["listeners"] = [self._nested_listener(tree, name) for _ in range(self.random.randint(1, 2))]
        what = "create in a single call" if "listeners" in body else "create"
        return Balancer(name, None), Edit(f"{ROOT} {what}", "POST", "/loadbalancers", {ROOT: body}, tree)

    def edit(self, balancer: Balancer) -> Edit:
        """A random edit of a load balancer that is there."""
        while True:
            make = self.random.choices([each for each, _ in _EDITS], [weight for _, weight in _EDITS])[0]
            if (found := make(self, balancer)) is not None:
                return found

    def delete(self, balancer: Balancer) -> Edit:
        """The end of a load balancer and everything below it."""
        return Edit(f"{ROOT} delete", "DELETE", f"/loadbalancers/{balancer.id}?cascade=true", None, None)

    # Creations

    def _nested_listener(self, tree: dict[str, Thing], root: str) -> dict[str, Any]:
        protocol = self.random.choice(("HTTP", "HTTP", "TCP"))
        given, name = self._listener(tree, protocol), self.name()
        body: dict[str, Any] = {"name": name, **given}
        if self.random.random() < 0.8:
            pool, body["default_pool"] = self._nested_pool(tree, root, protocol)
            given = {**given, "default_pool_id": pool}
        tree[name] = Thing(LISTENER, root, given)
        if protocol == "HTTP" and self.random.random() < 0.4:
            policy, about, rule = self.name(), self._policy(), self.name()
            tree[policy] = Thing(POLICY, name, about)
            tree[rule] = Thing(RULE, policy, self._rule(rule))
            body["l7policies"] = [{"name": policy, **about, "rules": [dict(tree[rule].given)]}]
        return body

    def _nested_pool(self, tree: dict[str, Thing], root: str, protocol: str) -> tuple[str, dict[str, Any]]:
        name, given = self.name(), self._pool(protocol)
        tree[name] = Thing(POOL, root, given)
        members = []
        for _ in range(self.random.randint(0, 3)):
            member = self.name()
            tree[member] = Thing(MEMBER, name, self._member(tree, name))
            members.append({"name": member, **tree[member].given})
        body: dict[str, Any] = {"name": name, **given, "members": members}
        if self.random.random() < 0.5:
            monitor = self.name()
            tree[monitor] = Thing(MONITOR, name, self._monitor(protocol))
            body["healthmonitor"] = {"name": monitor, **tree[monitor].given}
        return name, body

    def add_listener(self, balancer: Balancer) -> Edit | None:
        tree = _tree(balancer)
        protocol = self.random.choice(("HTTP", "HTTP", "TCP"))
        given = self._listener(tree, protocol)
        pools = [name for name, each in tree.items() if each.kind == POOL and each.given["protocol"] == protocol]
        if pools and self.random.random() < 0.7:
            given["default_pool_id"] = self.random.choice(pools)
        return self._add(balancer, LISTENER, balancer.name, given, {"loadbalancer_id": balancer.id})

    def add_pool(self, balancer: Balancer) -> Edit | None:
        given = self._pool(self.random.choice(("HTTP", "TCP")))
        return self._add(balancer, POOL, balancer.name, given, {"loadbalancer_id": balancer.id})

    def add_member(self, balancer: Balancer) -> Edit | None:
        pool = self._some(balancer, POOL)
        return None if pool is None else self._add(balancer, MEMBER, pool, self._member(_tree(balancer), pool), {})

    def add_monitor(self, balancer: Balancer) -> Edit | None:
        tree = _tree(balancer)
        pools = [name for name, each in tree.items() if each.kind == POOL and not below(tree, name, MONITOR)]
        if not pools:
            return None
        pool = self.random.choice(pools)
        return self._add(balancer, MONITOR, pool, self._monitor(tree[pool].given["protocol"]), {"pool_id": balancer.ids[pool]})

    def add_policy(self, balancer: Balancer) -> Edit | None:
        tree = _tree(balancer)
        listeners = [name for name, each in tree.items() if each.kind == LISTENER and each.given["protocol"] == "HTTP"]
        if not listeners:
            return None
        listener, given = self.random.choice(listeners), self._policy()
        pools = [name for name, each in tree.items() if each.kind == POOL and each.given["protocol"] == "HTTP"]
        if pools and self.random.random() < 0.4:
            given = {"action": "REDIRECT_TO_POOL", "redirect_pool_id": self.random.choice(pools)}
        return self._add(balancer, POLICY, listener, given, {"listener_id": balancer.ids[listener]})

    def add_rule(self, balancer: Balancer) -> Edit | None:
        policy = self._some(balancer, POLICY)
        if policy is None:
            return None
        name = self.name()
        return self._add(balancer, RULE, policy, self._rule(name), {}, name)

    def _add(
        self, balancer: Balancer, kind: str, parent: str, given: dict[str, Any], place: Mapping[str, Any], name: str = ""
    ) -> Edit | None:
        tree = _tree(balancer)
        if len(below(tree, parent, kind)) >= _MOST.get(kind, 1):
            return None
        name = name or self.name()
        body = {**_with_ids(given, balancer.ids), **place, **({"name": name} if kind != RULE else {})}
        path = _collection(balancer, kind, parent)
        return Edit(f"{kind} create", "POST", path, {kind: body}, {**tree, name: Thing(kind, parent, given)})

    # Changes

    def update(self, balancer: Balancer) -> Edit | None:
        tree = _tree(balancer)
        name = self.random.choice(list(tree))
        each = tree[name]
        change = self._change(tree, name)
        body = {each.kind: _with_ids(change, balancer.ids)}
        after = {**tree, name: replace(each, given={**each.given, **change})}
        return Edit(f"{each.kind} update", "PUT", path(balancer, name), body, after)

    def weigh(self, balancer: Balancer) -> Edit | None:
        tree, name = _tree(balancer), self._some(balancer, MEMBER)
        if name is None:
            return None
        change = {"weight": self.random.randint(0, 10)}
        after = {**tree, name: replace(tree[name], given={**tree[name].given, **change})}
        return Edit("member update", "PUT", path(balancer, name), {MEMBER: change}, after)

    def replace_members(self, balancer: Balancer) -> Edit | None:
        """All members of a pool at once: some stay as they are or change, some go, some are new."""
        tree, pool = _tree(balancer), self._some(balancer, POOL)
        if pool is None:
            return None
        before = below(tree, pool, MEMBER)
        kept = self.random.sample(before, self.random.randint(0, len(before)))
        after = {name: each for name, each in tree.items() if name not in before}
        for name in kept:
            given = dict(tree[name].given)
            # What is not mentioned gets its default back.
            after[name] = Thing(MEMBER, pool, {**given, "weight": self.random.randint(0, 10), "admin_state_up": True})
        for _ in range(self.random.randint(0, 3)):
            after[self.name()] = Thing(MEMBER, pool, self._member(after, pool))
        body = [{"name": name, **each.given} for name, each in after.items() if each.kind == MEMBER and each.parent == pool]
        return Edit("member batch", "PUT", f"/pools/{balancer.ids[pool]}/members", {"members": body}, after)

    def failover(self, balancer: Balancer) -> Edit | None:
        return Edit("failover", "PUT", f"/loadbalancers/{balancer.id}/failover", None, balancer.tree)

    def remove(self, balancer: Balancer) -> Edit | None:
        """The end of something below a load balancer."""
        tree = _tree(balancer)
        used = {each.given.get("redirect_pool_id") for each in tree.values()}
        names = [name for name, each in tree.items() if each.kind != ROOT and name not in used]
        if not names:
            return None
        name = self.random.choice(names)
        after = {key: _without(each, name) for key, each in tree.items() if not _is_below(tree, key, name)}
        return Edit(f"{tree[name].kind} delete", "DELETE", path(balancer, name), None, after)

    # Attributes

    def _listener(self, tree: Tree, protocol: str) -> dict[str, Any]:
        taken = {each.given["protocol_port"] for each in tree.values() if each.kind == LISTENER}
        port = self.random.choice([port for port in _PORTS if port not in taken])
        return {"protocol": protocol, "protocol_port": port, "description": self._word()}

    def _pool(self, protocol: str) -> dict[str, Any]:
        return {"protocol": protocol, "lb_algorithm": self._algorithm(), "description": self._word()}

    def _algorithm(self) -> str:
        return self.random.choice(("ROUND_ROBIN", "LEAST_CONNECTIONS"))

    def _member(self, tree: Tree, pool: str) -> dict[str, Any]:
        taken = {tree[name].given["address"] for name in below(tree, pool, MEMBER)}
        addresses = [found for number in range(130, 250) if (found := f"{self._members}{number}") not in taken]
        return {"address": self.random.choice(addresses), "protocol_port": 9000, "weight": self.random.randint(0, 10)}

    def _monitor(self, protocol: str) -> dict[str, Any]:
        about = {"type": "TCP", "delay": self.random.randint(5, 60), "timeout": 5, "max_retries": self.random.randint(1, 5)}
        return about | ({"type": "HTTP", "url_path": f"/{self._word()}"} if protocol == "HTTP" else {})

    def _policy(self) -> dict[str, Any]:
        return {"action": "REDIRECT_TO_URL", "redirect_url": f"http://example.com/{self._word()}"}

    def _rule(self, name: str) -> dict[str, Any]:
        return {"type": "PATH", "compare_type": "STARTS_WITH", "value": f"/{name}"}

    def _change(self, tree: Tree, name: str) -> dict[str, Any]:
        each, chosen = tree[name], self.random
        up = {"admin_state_up": chosen.random() < 0.7}
        match each.kind:
            case "loadbalancer":
                return chosen.choice(({"description": self._word()}, up))
            case "listener":
                return chosen.choice((self._connections(), {"description": self._word()}, up, self._default_pool(tree, each)))
            case "pool":
                return chosen.choice(({"lb_algorithm": self._algorithm()}, {"description": self._word()}, up))
            case "member":
                return chosen.choice(({"weight": chosen.randint(0, 10)}, up))
            case "healthmonitor":
                return chosen.choice(({"delay": chosen.randint(5, 60)}, {"max_retries": chosen.randint(1, 5)}, up))
            case "l7policy":
                return chosen.choice(({"description": self._word()}, up))
        return chosen.choice(({"invert": chosen.random() < 0.5}, up))

    def _connections(self) -> dict[str, Any]:
        return {"connection_limit": self.random.randint(1, 10000), "timeout_member_data": 1000 * self.random.randint(1, 100)}

    def _default_pool(self, tree: Tree, listener: Thing) -> dict[str, Any]:
        protocol = listener.given["protocol"]
        pools = [name for name, each in tree.items() if each.kind == POOL and each.given["protocol"] == protocol]
        return {"default_pool_id": self.random.choice([*pools, None])}

    def _some(self, balancer: Balancer, kind: str) -> str | None:
        names = [name for name, each in _tree(balancer).items() if each.kind == kind]
        return self.random.choice(names) if names else None

    def _word(self) -> str:
        return f"w{self.random.randrange(10**6)}"


_Make = Callable[[Author, Balancer], Edit | None]

_EDITS: Sequence[tuple[_Make, float]] = (
    (Author.add_listener, 2),
    (Author.add_pool, 2),
    (Author.add_member, 4),
    (Author.add_monitor, 2),
    (Author.add_policy, 2),
    (Author.add_rule, 2),
    (Author.update, 8),
    (Author.weigh, 4),
    (Author.replace_members, 3),
    (Author.remove, 5),
    (Author.failover, 0.5),
)


def path(balancer: Balancer, name: str) -> str:
    """Where the API has something."""
    each = _tree(balancer)[name]
    return f"{_collection(balancer, each.kind, each.parent)}/{balancer.ids[name]}"


def below(tree: Tree, parent: str, kind: str) -> list[str]:
    """The names of the things of a kind that belong to something."""
    return [name for name, each in tree.items() if each.kind == kind and each.parent == parent]


def _collection(balancer: Balancer, kind: str, parent: str | None) -> str:
    if kind == MEMBER:
        return f"/pools/{balancer.ids[parent or '']}/members"
    if kind == RULE:
        return f"/l7policies/{balancer.ids[parent or '']}/rules"
    return f"/{PATHS[kind]}"


def _tree(balancer: Balancer) -> Tree:
    if balancer.tree is None:
        raise ValueError(f"{balancer.name} is not there")
    return balancer.tree


def _with_ids(given: Mapping[str, Any], ids: Mapping[str, str]) -> dict[str, Any]:
    return {key: ids[value] if key in REFERENCES and value else value for key, value in given.items()}


def _without(each: Thing, pool: str) -> Thing:
    """A thing after the end of a pool that it may refer to."""
    if each.given.get("default_pool_id") == pool:
        return replace(each, given={**each.given, "default_pool_id": None})
    return each


def _is_below(tree: Tree, name: str | None, above: str) -> bool:
    while name is not None:
        if name == above:
            return True
        name = tree[name].parent
    return False


def _but(given: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in given.items() if key != name}
