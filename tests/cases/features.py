"""Every attribute of every object, with the values worth telling apart, and what a backend does with each.

The attributes come from the model, and so do the values of those that have a fixed set. For the others, one of each kind is listed
here. A new attribute that is neither listed nor left out has no feature, which a test notices.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from bascule.model.backend import Refusal
from bascule.model.definition import ServiceDefinition
from bascule.model.documents import Documents
from bascule.model.errors import Refused
from bascule.model.objects import (
    ClientAuthentication,
    CompareType,
    HealthMonitor,
    L7Policy,
    L7Rule,
    Listener,
    ListenerProtocol,
    LoadBalancer,
    Member,
    MonitorType,
    Object,
    PersistenceType,
    PolicyAction,
    Pool,
    PoolProtocol,
    RuleType,
    SessionPersistence,
    Tree,
    Vip,
)
from bascule.model.rules import check
from bascule.model.rules.health_monitor import HTTP_TYPES
from bascule.model.rules.l7policy import REDIRECT_CODES
from bascule.model.rules.listener import HEADERS, TLS_HEADERS
from bascule.south.as3 import render as as3
from bascule.south.as3.options import Options
from bascule.south.haproxy import render as haproxy
from tests.cases import loader

MADE = (LoadBalancer, Listener, Pool, Member, HealthMonitor, L7Policy, L7Rule)
_PARTS = {"vip": Vip, "session_persistence": SessionPersistence}
"""Attributes that have attributes themselves."""

_WHOM = "names the object, or what it belongs to"
_PEOPLE = "is for people and searches"
_PLACE = "says where an address lies, which is settled before anything is rendered"
_OFFERED = "chooses among what an operator offers, which is settled before anything is rendered"
LEFT_OUT = {
    "id": _WHOM,
    "project_id": _WHOM,
    "listener_id": _WHOM,
    "pool_id": _WHOM,
    "l7policy_id": _WHOM,
    "name": _PEOPLE,
    "description": _PEOPLE,
    "tags": _PEOPLE,
    "provider": "chooses the backend",
    "flavor_id": _OFFERED,
    "availability_zone": _OFFERED,
    "flavor": "holds only what its provider has declared that it can honour",
    "zone": "chooses the place",
    "vip.subnet_id": _PLACE,
    "vip.network_id": _PLACE,
    "vip.port_id": _PLACE,
    "subnet_id": _PLACE,
}
"""Attributes that change nothing on a data plane, and why."""

Alter = Callable[[ServiceDefinition, Any], Tree]


@dataclass(frozen=True)
class Feature:
    """One value, or kind of value, of an attribute. `alter` gives an object this value."""

    made: type[Any]
    attribute: str
    label: str
    alter: Alter
    shown: Callable[[Any], bool]

    @property
    def place(self) -> str:
        return f"{self.made.kind}.{self.attribute}"


def _get(each: Any, attribute: str) -> Any:
    for name in attribute.split("."):
        each = None if each is None else getattr(each, name)
    return each


def _set(each: Any, attribute: str, value: Any) -> Any:
    outer, _, inner = attribute.partition(".")
    if not inner:
        return dataclasses.replace(each, **{outer: value})
    part = getattr(each, outer) or SessionPersistence(type=PersistenceType.SOURCE_IP)
    return dataclasses.replace(each, **{outer: dataclasses.replace(part, **{inner: value})})


def _with(attribute: str, value: Any, more: Mapping[str, Any]) -> Alter:
    """Sets an attribute, and what else must be for the value to be valid. A function makes it of what is."""

    def alter(definition: ServiceDefinition, each: Any) -> Tree:
        for name, wanted in {**more, attribute: value}.items():
            each = _set(each, name, wanted(definition, _get(each, name)) if callable(wanted) else wanted)
        return definition.tree.put(each)

    return alter


def _another_ref(definition: ServiceDefinition, now: str | None) -> str:
    return next((ref for ref in definition.secrets if ref != now), "nothing")


def _another_pool(definition: ServiceDefinition, now: str | None) -> str | None:
    return next((pool.id for pool in definition.tree.pools if pool.id != now), None)


def _on_datagrams(kind: MonitorType) -> Alter:
    """A monitor of a kind that only pools of datagrams have."""

    def alter(definition: ServiceDefinition, monitor: HealthMonitor) -> Tree:
        pool = definition.tree.pool(monitor.pool_id)
        assert pool
        plain = dataclasses.replace(monitor, type=kind, delay=5, http_method=None, url_path=None, expected_codes=None)
        return definition.tree.put(dataclasses.replace(pool, protocol=PoolProtocol.UDP), plain)

    return alter


_REF = {"a reference": _another_ref}
_VERSIONS = {each: (each,) for each in ("SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")}
_ALPN = {each: (each,) for each in ("h2", "http/1.1", "http/1.0")}
_CIPHERS = {"an OpenSSL cipher list": "ECDHE+AESGCM:TLS_AES_128_GCM_SHA256"}
_MILLISECONDS = {"milliseconds": 1234}
_ADDRESSES = {"an IPv4 address": "127.90.0.77", "an IPv6 address": "::7"}

_NO_TARGET = dict.fromkeys(("redirect_pool_id", "redirect_url", "redirect_prefix", "redirect_http_code"))
_NO_TLS = {"default_tls_container_ref": None, "sni_container_refs": (), "client_ca_tls_container_ref": None} | {
    "client_crl_container_ref": None,
    "client_authentication": ClientAuthentication.NONE,
    "hsts_max_age": None,
    "hsts_include_subdomains": False,
    "hsts_preload": False,
    "insert_headers": {},
    "default_pool_id": None,
}
_MORE: dict[tuple[str, Any], Mapping[str, Any]] = {
    **{("listener.protocol", each): _NO_TLS for each in ListenerProtocol if each is not ListenerProtocol.TERMINATED_HTTPS},
    ("listener.protocol", ListenerProtocol.TERMINATED_HTTPS): {"default_tls_container_ref": _another_ref},
    **{
        ("listener.client_authentication", each): {"client_ca_tls_container_ref": _another_ref}
        for each in (ClientAuthentication.OPTIONAL, ClientAuthentication.MANDATORY)
    },
    ("listener.client_crl_container_ref", "a reference"): {"client_ca_tls_container_ref": _another_ref},
    ("listener.hsts_include_subdomains", True): {"hsts_max_age": 600},
    ("listener.hsts_preload", True): {"hsts_max_age": 600},
    ("pool.session_persistence.type", PersistenceType.APP_COOKIE): {"session_persistence.cookie_name": "JSESSIONID"},
    ("pool.session_persistence.cookie_name", "a name, with APP_COOKIE"): {"session_persistence.type": PersistenceType.APP_COOKIE},
    ("l7rule.type", RuleType.SSL_CONN_HAS_CERT): {"compare_type": CompareType.EQUAL_TO, "value": "true", "key": None},
    ("l7rule.type", RuleType.SSL_VERIFY_RESULT): {"compare_type": CompareType.EQUAL_TO, "value": "0", "key": None},
    ("l7policy.action", PolicyAction.REJECT): _NO_TARGET,
    ("l7policy.action", PolicyAction.REDIRECT_TO_POOL): {**_NO_TARGET, "redirect_pool_id": _another_pool},
    ("l7policy.action", PolicyAction.REDIRECT_TO_URL): {**_NO_TARGET, "redirect_url": "http://u.example.com"},
    ("l7policy.action", PolicyAction.REDIRECT_PREFIX): {**_NO_TARGET, "redirect_prefix": "http://p.example.com"},
    **{
        (f"pool.session_persistence.{name}", label): {"protocol": PoolProtocol.UDP}
        for name, label in (("persistence_timeout", "seconds"), ("persistence_granularity", "a netmask"))
    },
    **{(f"pool.{name}", "a reference"): {"tls_enabled": True} for name in ("tls_container_ref", "ca_tls_container_ref")},
    ("pool.crl_container_ref", "a reference"): {"tls_enabled": True, "ca_tls_container_ref": _another_ref},
    ("pool.tls_ciphers", "an OpenSSL cipher list"): {"tls_enabled": True},
    **{("pool.tls_versions", each): {"tls_enabled": True} for each in _VERSIONS},
    **{("pool.alpn_protocols", each): {"tls_enabled": True} for each in _ALPN},
    ("health_monitor.domain_name", "a host name"): {"http_version": 1.1},
    **{
        ("health_monitor.type", each): {"http_method": None, "url_path": None, "expected_codes": None}
        for each in MonitorType
        if each not in HTTP_TYPES
    },
}
"""What else must be for a value to be valid."""

VALUES: dict[str, dict[str, Any]] = {
    "load_balancer.vip.address": _ADDRESSES,
    "load_balancer.additional_vips": {"more addresses": (Vip(address="127.90.0.78", subnet_id="another"),)},
    "load_balancer.vip_qos_policy_id": {"a policy": "policy"},
    "load_balancer.vip_sg_ids": {"security groups": ("group",)},
    "listener.protocol_port": {"a port": 18099},
    "listener.connection_limit": {"a number": 77},
    "listener.default_pool_id": {"a pool": _another_pool},
    "listener.default_tls_container_ref": _REF,
    "listener.sni_container_refs": {"references": lambda definition, now: tuple(definition.secrets) if not now else now[:1]},
    "listener.client_ca_tls_container_ref": _REF,
    "listener.client_crl_container_ref": _REF,
    "listener.insert_headers": {each: {each: "true"} for each in (*sorted(HEADERS), *sorted(TLS_HEADERS))},
    "listener.timeout_client_data": _MILLISECONDS,
    "listener.timeout_member_connect": _MILLISECONDS,
    "listener.timeout_member_data": _MILLISECONDS,
    "listener.timeout_tcp_inspect": _MILLISECONDS,
    "listener.allowed_cidrs": {"IPv4 networks": ("10.9.0.0/16",), "IPv6 networks": ("fd00:9::/32",)},
    "listener.tls_ciphers": _CIPHERS,
    "listener.tls_versions": _VERSIONS,
    "listener.alpn_protocols": _ALPN,
    "listener.hsts_max_age": {"seconds": 31536000},
    "pool.session_persistence.cookie_name": {"a name, with APP_COOKIE": "JSESSIONID"},
    "pool.session_persistence.persistence_timeout": {"seconds": 60},
    "pool.session_persistence.persistence_granularity": {"a netmask": "255.255.0.0"},
    "pool.tls_container_ref": _REF,
    "pool.ca_tls_container_ref": _REF,
    "pool.crl_container_ref": _REF,
    "pool.tls_ciphers": _CIPHERS,
    "pool.tls_versions": _VERSIONS,
    "pool.alpn_protocols": _ALPN,
    "member.address": _ADDRESSES,
    "member.protocol_port": {"a port": 18098},
    "member.weight": {"0": 0, "1": 1, "2 to 256": 256},
    "member.monitor_address": _ADDRESSES,
    "member.monitor_port": {"a port": 18097},
    "member.vnic_type": {"normal": "normal", "direct": "direct"},
    "health_monitor.delay": {"seconds": 17},
    "health_monitor.timeout": {"seconds": 16},
    "health_monitor.max_retries": {"a number": 9},
    "health_monitor.max_retries_down": {"a number": 8},
    "health_monitor.url_path": {"a path": "/other"},
    "health_monitor.expected_codes": {"one code": "204", "a list of codes": "200,204", "a range of codes": "200-204"},
    "health_monitor.http_version": {"1.0": 1.0, "1.1": 1.1},
    "health_monitor.domain_name": {"a host name": "other.example.com"},
    "l7policy.position": {"a number": 99},
    "l7policy.redirect_pool_id": {"a pool": _another_pool},
    "l7policy.redirect_url": {"a URL": "https://other.example.com/"},
    "l7policy.redirect_prefix": {"a URL": "https://prefix.example.com"},
    "l7policy.redirect_http_code": {str(code): code for code in REDIRECT_CODES},
    "l7rule.value": {"a text": "/x/y.z", "a text between double quotes": '"x y"'},
    "l7rule.key": {"a name": "Other"},
}
"""For attributes without a fixed set of values: by what it is called, one value of each kind."""

_KINDS: dict[tuple[str, str], Callable[[Any], bool]] = {
    **{
        (place, label): lambda value, label=label: value is not None and (":" in value) == ("6" in label)  # type: ignore[misc]
        for place in ("load_balancer.vip.address", "member.address", "member.monitor_address")
        for label in _ADDRESSES
    },
    **{
        ("listener.allowed_cidrs", f"IPv{version} networks"): (
            lambda value, version=version: any((":" in each) == (version == 6) for each in value)  # type: ignore[misc]
        )
        for version in (4, 6)
    },
    ("health_monitor.expected_codes", "one code"): lambda value: bool(value) and value.isdigit(),
    ("health_monitor.expected_codes", "a list of codes"): lambda value: bool(value) and "," in value,
    ("health_monitor.expected_codes", "a range of codes"): lambda value: bool(value) and "-" in value,
    ("member.weight", "2 to 256"): lambda value: value > 1,
    ("l7rule.value", "a text"): lambda value: not value.startswith('"'),
    ("l7rule.value", "a text between double quotes"): lambda value: value.startswith('"'),
}
"""Whether a value is of a kind, where that is more than being set."""


def attributes(made: type[Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The attributes of a class with their types, those of its parts included."""
    for name, hint in typing.get_type_hints(made).items():
        if name in _PARTS:
            yield from attributes(_PARTS[name], f"{name}.")
        else:
            yield prefix + name, hint


def _fixed(hint: Any) -> list[Any]:
    """The values of a type that has a fixed set of them."""
    parts = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    for part in parts:
        if isinstance(part, type) and issubclass(part, StrEnum):
            return list(part)
    return [True, False] if bool in parts else []


def features_of(made: type[Any], attribute: str, hint: Any) -> Iterator[Feature]:
    """The features of an attribute: none if it is left out or not listed."""
    place = f"{made.kind}.{attribute}"
    for value in [] if attribute in LEFT_OUT else _fixed(hint):
        label = str(value).lower() if isinstance(value, bool) else str(value)
        alter = _with(attribute, value, _MORE.get((place, value), {}))
        if value is MonitorType.SCTP or value is MonitorType.UDP_CONNECT:
            alter = _on_datagrams(value)
        yield Feature(made, attribute, label, alter, lambda each, value=value: _get(each, attribute) == value)  # type: ignore[misc]
    for label, value in VALUES.get(place, {}).items():
        yield Feature(
            made, attribute, label, _with(attribute, value, _MORE.get((place, label), {})), _shown(place, attribute, label, value)
        )


def _shown(place: str, attribute: str, label: str, value: Any) -> Callable[[Any], bool]:
    if (place, label) in _KINDS:
        return lambda each: _KINDS[place, label](_get(each, attribute))
    if isinstance(value, tuple | dict) and label in value:
        return lambda each: label in (_get(each, attribute) or ())
    if label == str(value):
        return lambda each: _get(each, attribute) == value
    default = {field.name: field.default for field in dataclasses.fields(_owner(place))}.get(attribute.rpartition(".")[2])
    return lambda each: _get(each, attribute) not in (default, None, ())


def _owner(place: str) -> type[Any]:
    kind, *names = place.split(".")
    return _PARTS[names[0]] if len(names) > 1 else next(made for made in MADE if made.kind == kind)


FEATURES = [found for made in MADE for attribute, hint in attributes(made) for found in features_of(made, attribute, hint)]


@dataclass(frozen=True)
class Finding:
    """What becomes of a feature: the cases that show it, why it is refused, and whether giving an object this value changes
    anything."""

    cases: tuple[str, ...]
    refused: str | None
    matters: bool


def _carried(definition: ServiceDefinition, each: Object) -> bool:
    """Whether an object takes part at all."""
    listener = definition.tree.listener(getattr(each, "listener_id", None))
    pool = definition.tree.pool(getattr(each, "pool_id", None))
    above = [definition.tree.load_balancer, *(owner for owner in (listener, pool) if owner)]
    return all(owner.admin_state_up for owner in above if owner is not each)


@cache
def _valid(name: str, object_id: str) -> bool:
    """Whether an object of a case can come through a door. Some cases go beyond, to see that a data plane bears it."""
    tree = loader.definition(name).tree
    each = tree.get(object_id)
    assert each
    try:
        check(tree, tree.put(dataclasses.replace(each, tags=("another",))))
    except Refused:
        return False
    return True


@dataclass(frozen=True)
class Provider:
    """How a provider carries what. `file` is the golden file that shows it."""

    name: str
    file: str
    refuse: Callable[[Tree], Sequence[Refusal]]
    render: Callable[[ServiceDefinition], Documents]


_BIG_IP = Options(regular_expressions=True)
PROVIDERS = (
    Provider("haproxy", "haproxy.cfg", haproxy.refuse, haproxy.render),
    Provider("f5", "as3.json", lambda tree: as3.refuse(tree, _BIG_IP), lambda definition: as3.render(definition, _BIG_IP)),
)


@cache
def _cases(provider: Provider) -> list[tuple[str, ServiceDefinition]]:
    """The cases that a provider carries, small ones first."""
    found = [(name, loader.definition(name)) for name in loader.NAMES]
    carried = [(name, definition) for name, definition in found if not provider.refuse(definition.tree)]
    return sorted(carried, key=lambda case: (len(case[1].tree.children), case[0]))


@cache
def _rendered(provider: Provider, name: str) -> Mapping[str, str]:
    return dict(provider.render(loader.definition(name)))


def find(provider: Provider, feature: Feature) -> Finding:
    """Look at every object of every case: has it the value, and what if it had?"""
    cases: dict[str, None] = {}
    refused, matters = None, False
    for name, definition in _cases(provider):
        for each in definition.tree.objects():
            if not isinstance(each, feature.made):
                continue
            if feature.shown(each) and _carried(definition, each) and _valid(name, each.id):
                cases[name] = None
            found = None if refused or matters else _tried(provider, name, definition, feature, each)
            refused = refused or (found if isinstance(found, str) else None)
            matters = matters or found is True
    return Finding(tuple(cases), refused, matters)


def _tried(provider: Provider, name: str, definition: ServiceDefinition, feature: Feature, each: Any) -> bool | str | None:
    """What happens if an object has the value: whether the documents change, or why it is refused. None if it is not valid."""
    after = feature.alter(definition, each)
    if after == definition.tree:
        return None
    try:
        check(after, definition.tree)
    except Refused:
        return None
    ours = {child.id for child in after.objects() if definition.tree.get(child.id) != child}
    for refusal in provider.refuse(after):
        if refusal.object_id in ours:
            return refusal.text
    try:
        return dict(provider.render(dataclasses.replace(definition, tree=after))) != _rendered(provider, name)
    except KeyError:  # a reference that the case does not resolve
        return None
