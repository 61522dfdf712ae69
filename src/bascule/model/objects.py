"""What users ask for: the objects of a load balancer, as immutable values.

The names and meanings are Octavia's. An object holds only what was asked for; when it was asked and whether it has been
carried out stands in `bascule.model.status.Standing`. Objects point to each other by id, and `Tree` holds one load balancer
with everything below it.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar


class Kind(StrEnum):
    """The kinds of objects. The values name tables and appear in events."""

    LOAD_BALANCER = "load_balancer"
    LISTENER = "listener"
    POOL = "pool"
    MEMBER = "member"
    HEALTH_MONITOR = "health_monitor"
    L7POLICY = "l7policy"
    L7RULE = "l7rule"


class ListenerProtocol(StrEnum):
    """What a listener speaks to clients."""

    HTTP = "HTTP"
    HTTPS = "HTTPS"
    PROMETHEUS = "PROMETHEUS"
    SCTP = "SCTP"
    TCP = "TCP"
    TERMINATED_HTTPS = "TERMINATED_HTTPS"
    UDP = "UDP"


class PoolProtocol(StrEnum):
    """What a pool speaks to its members."""

    HTTP = "HTTP"
    HTTPS = "HTTPS"
    PROXY = "PROXY"
    PROXYV2 = "PROXYV2"
    SCTP = "SCTP"
    TCP = "TCP"
    UDP = "UDP"


class Algorithm(StrEnum):
    """How a pool chooses a member."""

    LEAST_CONNECTIONS = "LEAST_CONNECTIONS"
    ROUND_ROBIN = "ROUND_ROBIN"
    SOURCE_IP = "SOURCE_IP"
    SOURCE_IP_PORT = "SOURCE_IP_PORT"


class PersistenceType(StrEnum):
    """What ties a client to a member."""

    APP_COOKIE = "APP_COOKIE"
    HTTP_COOKIE = "HTTP_COOKIE"
    SOURCE_IP = "SOURCE_IP"


class MonitorType(StrEnum):
    """How a health monitor probes."""

    HTTP = "HTTP"
    HTTPS = "HTTPS"
    PING = "PING"
    SCTP = "SCTP"
    TCP = "TCP"
    TLS_HELLO = "TLS-HELLO"
    UDP_CONNECT = "UDP-CONNECT"


class HttpMethod(StrEnum):
    """The methods a health monitor can use."""

    CONNECT = "CONNECT"
    DELETE = "DELETE"
    GET = "GET"
    HEAD = "HEAD"
    OPTIONS = "OPTIONS"
    PATCH = "PATCH"
    POST = "POST"
    PUT = "PUT"
    TRACE = "TRACE"


class PolicyAction(StrEnum):
    """What an L7 policy does with a request that matches."""

    REDIRECT_PREFIX = "REDIRECT_PREFIX"
    REDIRECT_TO_POOL = "REDIRECT_TO_POOL"
    REDIRECT_TO_URL = "REDIRECT_TO_URL"
    REJECT = "REJECT"


class RuleType(StrEnum):
    """Which part of a request an L7 rule looks at."""

    COOKIE = "COOKIE"
    FILE_TYPE = "FILE_TYPE"
    HEADER = "HEADER"
    HOST_NAME = "HOST_NAME"
    PATH = "PATH"
    SSL_CONN_HAS_CERT = "SSL_CONN_HAS_CERT"
    SSL_DN_FIELD = "SSL_DN_FIELD"
    SSL_VERIFY_RESULT = "SSL_VERIFY_RESULT"


class CompareType(StrEnum):
    """How an L7 rule compares."""

    CONTAINS = "CONTAINS"
    ENDS_WITH = "ENDS_WITH"
    EQUAL_TO = "EQUAL_TO"
    REGEX = "REGEX"
    STARTS_WITH = "STARTS_WITH"


class ClientAuthentication(StrEnum):
    """Whether clients have to show a certificate."""

    MANDATORY = "MANDATORY"
    NONE = "NONE"
    OPTIONAL = "OPTIONAL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vip:
    """One address of a load balancer, and where it lies. `port_id` names the network port that holds it."""

    address: str
    subnet_id: str | None = None
    network_id: str | None = None
    port_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadBalancer:
    """The root of a tree: its addresses, and who carries it.

    `flavor` and `zone` are what its flavor and its availability zone mean to its provider, as it was when it was created.
    """

    kind = Kind.LOAD_BALANCER

    id: str
    project_id: str
    provider: str
    vip: Vip
    name: str = ""
    description: str = ""
    admin_state_up: bool = True
    additional_vips: tuple[Vip, ...] = ()
    vip_qos_policy_id: str | None = None
    vip_sg_ids: tuple[str, ...] = ()
    flavor_id: str | None = None
    availability_zone: str | None = None
    flavor: Mapping[str, str | int] = field(default_factory=dict)
    zone: Mapping[str, str | int] = field(default_factory=dict)
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A port of the load balancer. Timeouts are in milliseconds; -1 connections mean no limit."""

    kind = Kind.LISTENER

    id: str
    protocol: ListenerProtocol
    protocol_port: int
    name: str = ""
    description: str = ""
    admin_state_up: bool = True
    connection_limit: int = -1
    default_pool_id: str | None = None
    default_tls_container_ref: str | None = None
    sni_container_refs: tuple[str, ...] = ()
    client_ca_tls_container_ref: str | None = None
    client_crl_container_ref: str | None = None
    client_authentication: ClientAuthentication = ClientAuthentication.NONE
    insert_headers: Mapping[str, str] = field(default_factory=dict)
    timeout_client_data: int = 50000
    timeout_member_connect: int = 5000
    timeout_member_data: int = 50000
    timeout_tcp_inspect: int = 0
    allowed_cidrs: tuple[str, ...] = ()
    tls_ciphers: str | None = None
    tls_versions: tuple[str, ...] = ()
    alpn_protocols: tuple[str, ...] = ()
    hsts_max_age: int | None = None
    hsts_include_subdomains: bool = False
    hsts_preload: bool = False
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPersistence:
    """How a client stays with a member. The timeout is in seconds."""

    type: PersistenceType
    cookie_name: str | None = None
    persistence_timeout: int | None = None
    persistence_granularity: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A group of members that share the work."""

    kind = Kind.POOL

    id: str
    protocol: PoolProtocol
    lb_algorithm: Algorithm
    name: str = ""
    description: str = ""
    admin_state_up: bool = True
    session_persistence: SessionPersistence | None = None
    tls_enabled: bool = False
    tls_container_ref: str | None = None
    ca_tls_container_ref: str | None = None
    crl_container_ref: str | None = None
    tls_ciphers: str | None = None
    tls_versions: tuple[str, ...] = ()
    alpn_protocols: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One server of a pool. A monitor probes it at its own address and port unless others are given."""

    kind = Kind.MEMBER

    id: str
    pool_id: str
    address: str
    protocol_port: int
    name: str = ""
    admin_state_up: bool = True
    subnet_id: str | None = None
    weight: int = 1
    backup: bool = False
    monitor_address: str | None = None
    monitor_port: int | None = None
    vnic_type: str = "normal"
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthMonitor:
    """How the members of a pool are probed. Delay and timeout are in seconds."""

    kind = Kind.HEALTH_MONITOR

    id: str
    pool_id: str
    type: MonitorType
    delay: int
    timeout: int
    max_retries: int
    max_retries_down: int = 3
    name: str = ""
    admin_state_up: bool = True
    http_method: HttpMethod | None = None
    url_path: str | None = None
    expected_codes: str | None = None
    http_version: float | None = None
    domain_name: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class L7Policy:
    """What happens to requests that all rules of the policy match. Policies are tried in the order of `position`, from 1."""

    kind = Kind.L7POLICY

    id: str
    listener_id: str
    action: PolicyAction
    position: int
    name: str = ""
    description: str = ""
    admin_state_up: bool = True
    redirect_pool_id: str | None = None
    redirect_url: str | None = None
    redirect_prefix: str | None = None
    redirect_http_code: int | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class L7Rule:
    """One condition of an L7 policy."""

    kind = Kind.L7RULE

    id: str
    l7policy_id: str
    type: RuleType
    compare_type: CompareType
    value: str
    key: str | None = None
    invert: bool = False
    admin_state_up: bool = True
    tags: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What to compare with: the value without the double quotes that a value with spaces stands in."""
        quoted = len(self.value) > 1 and self.value.startswith('"') and self.value.endswith('"')
        return self.value[1:-1] if quoted else self.value


Child = Listener | Pool | Member | HealthMonitor | L7Policy | L7Rule
Object = LoadBalancer | Child

T = TypeVar("T", Listener, Pool, Member, HealthMonitor, L7Policy, L7Rule)


class _Below:
    """What belongs to which object of a tree, and which listeners use a pool. Found in one look at all of it."""

    __slots__ = ("owned", "users")

    def __init__(self, children: Mapping[str, Child]) -> None:
        self.owned: defaultdict[tuple[str, type[Child]], list[Any]] = defaultdict(list)
        self.users: defaultdict[str, list[Listener]] = defaultdict(list)
        for child in children.values():
            if (owner := owner_id(child)) is not None:
                self.owned[owner, type(child)].append(child)
        for child in children.values():
            if isinstance(child, Listener):
                redirects = (policy.redirect_pool_id for policy in self.of(child.id, L7Policy))
                for pool_id in {child.default_pool_id, *redirects} - {None}:
                    self.users[str(pool_id)].append(child)

    def of(self, object_id: str, kind: type[T]) -> list[T]:
        """The objects of one kind that belong to an object, in order of creation."""
        return list(self.owned.get((object_id, kind), ()))


@dataclass(frozen=True, slots=True)
class Tree:
    """One load balancer with everything below it. Never changed in place: `put` and `drop` give a new tree.

    `children` keeps the order of creation, which is also the order in which lists show them.
    """

    load_balancer: LoadBalancer
    children: Mapping[str, Child] = field(default_factory=dict)
    _found: _Below | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def id(self) -> str:
        return self.load_balancer.id

    @property
    def _below(self) -> _Below:
        """Looked for when it is asked for: who asks for one object's asks for those of many, and most trees are never asked."""
        found = self._found
        if found is None:
            found = _Below(self.children)
            object.__setattr__(self, "_found", found)
        return found

    @property
    def listeners(self) -> list[Listener]:
        return [child for child in self.children.values() if isinstance(child, Listener)]

    @property
    def pools(self) -> list[Pool]:
        return [child for child in self.children.values() if isinstance(child, Pool)]

    @property
    def members(self) -> list[Member]:
        return [child for child in self.children.values() if isinstance(child, Member)]

    @property
    def monitors(self) -> list[HealthMonitor]:
        return [child for child in self.children.values() if isinstance(child, HealthMonitor)]

    @property
    def policies(self) -> list[L7Policy]:
        return [child for child in self.children.values() if isinstance(child, L7Policy)]

    @property
    def rules(self) -> list[L7Rule]:
        return [child for child in self.children.values() if isinstance(child, L7Rule)]

    def listener(self, listener_id: str | None) -> Listener | None:
        child = self.children.get(listener_id or "")
        return child if isinstance(child, Listener) else None

    def pool(self, pool_id: str | None) -> Pool | None:
        child = self.children.get(pool_id or "")
        return child if isinstance(child, Pool) else None

    def policy(self, policy_id: str | None) -> L7Policy | None:
        child = self.children.get(policy_id or "")
        return child if isinstance(child, L7Policy) else None

    def members_of(self, pool_id: str) -> list[Member]:
        return self._below.of(pool_id, Member)

    def monitors_of(self, pool_id: str) -> list[HealthMonitor]:
        return self._below.of(pool_id, HealthMonitor)

    def policies_of(self, listener_id: str) -> list[L7Policy]:
        """The policies of a listener in the order in which they are tried."""
        return sorted(self._below.of(listener_id, L7Policy), key=lambda policy: policy.position)

    def rules_of(self, policy_id: str) -> list[L7Rule]:
        return self._below.of(policy_id, L7Rule)

    def listeners_of(self, pool_id: str) -> list[Listener]:
        """The listeners that send traffic to a pool, by default or through an L7 policy."""
        return list(self._below.users.get(pool_id, ()))

    def pools_of(self, listener_id: str) -> list[Pool]:
        """The pools a listener sends traffic to: its default pool first, then those of its L7 policies."""
        listener = self.listener(listener_id)
        wanted = [listener.default_pool_id] if listener else []
        wanted += [policy.redirect_pool_id for policy in self.policies_of(listener_id)]
        found = (self.pool(pool_id) for pool_id in dict.fromkeys(wanted))
        return [pool for pool in found if pool]

    def objects(self) -> Iterator[Object]:
        """The load balancer, then its children in order of creation."""
        yield self.load_balancer
        yield from self.children.values()

    def get(self, object_id: str) -> Object | None:
        return self.load_balancer if object_id == self.load_balancer.id else self.children.get(object_id)

    def unlike(self, other: Tree | None) -> list[Object]:
        """What is not in another tree, or is not the same there; everything where there is no other."""
        if other is None:
            return list(self.objects())
        # What an edit leaves alone is the very same object in both, and need not be compared field by field.
        return [each for each in self.objects() if (was := other.get(each.id)) is not each and was != each]

    def put(self, *changed: Object) -> Tree:
        """A tree with these objects added, or in the place of those with the same ids."""
        load_balancer, children = self.load_balancer, dict(self.children)
        for each in changed:
            if isinstance(each, LoadBalancer):
                load_balancer = each
            else:
                children[each.id] = each
        return Tree(load_balancer, children)

    def drop(self, *ids: str) -> Tree:
        """A tree without these children and without what belongs to them; what only pointed at them points nowhere.

        Members and monitors go with their pool, rules with their policy, policies with their listener. A listener whose
        default pool goes keeps running without one. An L7 policy that sends to the pool must be dropped by the caller:
        a pool in use by a policy is not dropped silently.
        """
        gone = set(ids)
        for child in self.children.values():  # parents stand before what belongs to them only per kind, so two rounds
            if isinstance(child, L7Policy) and child.listener_id in gone:
                gone.add(child.id)
        for child in self.children.values():
            if owner_id(child) in gone:
                gone.add(child.id)
        children = {child.id: _without_pool(child, gone) for child in self.children.values() if child.id not in gone}
        return Tree(self.load_balancer, children)


def _without_pool(child: Child, gone: set[str]) -> Child:
    if isinstance(child, Listener) and child.default_pool_id in gone:
        return dataclasses.replace(child, default_pool_id=None)
    return child


def owner_id(child: Object) -> str | None:
    """The id of the object that an object belongs to and goes with; None for what stands directly in the load balancer."""
    if isinstance(child, Member | HealthMonitor):
        return child.pool_id
    if isinstance(child, L7Policy):
        return child.listener_id
    if isinstance(child, L7Rule):
        return child.l7policy_id
    return None


def above(tree: Tree, child: Object) -> set[str]:
    """The ids of what shows a change of this object as its own: its owners, the listeners that use it, the load balancer."""
    found: set[str] = set()
    if isinstance(child, L7Rule) and (policy := tree.policy(child.l7policy_id)):
        found |= {policy.id, policy.listener_id}
    elif isinstance(child, L7Policy):
        found.add(child.listener_id)
    elif isinstance(child, Member | HealthMonitor):
        found.add(child.pool_id)
        found.update(listener.id for listener in tree.listeners_of(child.pool_id))
    elif isinstance(child, Pool):
        found.update(listener.id for listener in tree.listeners_of(child.id))
    if not isinstance(child, LoadBalancer):
        found.add(tree.id)
    return found
