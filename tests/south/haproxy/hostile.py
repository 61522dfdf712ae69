"""Every text of every object, with what may become of it in HAProxy's configuration.

The texts are found in the model: one that is in none of the lists here makes a test fail.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bascule.model.definition import ServiceDefinition, secret_refs
from bascule.model.objects import (
    Algorithm,
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
    PersistenceType,
    PolicyAction,
    Pool,
    PoolProtocol,
    RuleType,
    SessionPersistence,
    Tree,
    Vip,
)
from bascule.model.rules.l7rule import COMPARE
from bascule.model.rules.listener import HEADERS, TLS_HEADERS
from bascule.model.secrets import SecretRef
from tests.cases.features import MADE, attributes

MARK = "Mark7x"
"""A text that is harmless everywhere."""


def _rules(policy_id: str) -> list[L7Rule]:
    """A rule of every type, by equality and by regular expression. The other comparisons are written in the same way."""
    found = []
    for kind, some in COMPARE.items():
        key = "Key" if kind in (RuleType.HEADER, RuleType.COOKIE, RuleType.SSL_DN_FIELD) else None
        value = {RuleType.SSL_CONN_HAS_CERT: "true", RuleType.SSL_VERIFY_RESULT: "0"}.get(kind, "value")
        for compare in sorted(some & {CompareType.EQUAL_TO, CompareType.REGEX}):
            rule_id = f"rule-{kind}-{compare}"
            found.append(L7Rule(id=rule_id, l7policy_id=policy_id, type=kind, compare_type=compare, key=key, value=value))
    return found


def _pool(pool_id: str, monitor: MonitorType, **fields: Any) -> list[Pool | Member | HealthMonitor]:
    path = "/" if monitor in (MonitorType.HTTP, MonitorType.HTTPS) else None
    return [
        Pool(id=pool_id, protocol=PoolProtocol.HTTP, lb_algorithm=Algorithm.ROUND_ROBIN, **fields),
        Member(id=f"{pool_id}-member", pool_id=pool_id, address="127.0.0.1", protocol_port=80),
        HealthMonitor(
            id=f"{pool_id}-monitor",
            pool_id=pool_id,
            type=monitor,
            delay=1,
            timeout=1,
            max_retries=1,
            url_path=path,
            expected_codes="200" if path else None,
            http_version=1.1,
            domain_name="d",
        ),
    ]


def base(*, certificates: bool = True) -> Tree:
    """A load balancer in which every text has its place."""
    root = LoadBalancer(id="lb", project_id="p", provider="haproxy", vip=Vip(address="127.9.9.9"))
    refs: dict[str, Any] = {"tls_container_ref": "r1", "ca_tls_container_ref": "r2", "crl_container_ref": "r3"}
    by_cookie = SessionPersistence(type=PersistenceType.APP_COOKIE, cookie_name="c")
    tree = Tree(root).put(
        *_pool("plain", MonitorType.HTTP, session_persistence=SessionPersistence(type=PersistenceType.SOURCE_IP)),
        *_pool("secure", MonitorType.HTTPS, session_persistence=by_cookie, tls_enabled=True, **(refs if certificates else {})),
        *_pool("greeted", MonitorType.TLS_HELLO),
        Listener(id="listener", protocol=ListenerProtocol.HTTP, protocol_port=8080, default_pool_id="plain"),
        L7Policy(id="to-url", listener_id="listener", action=PolicyAction.REDIRECT_TO_URL, position=1, redirect_url="http://u"),
        L7Policy(
            id="to-prefix", listener_id="listener", action=PolicyAction.REDIRECT_PREFIX, position=2, redirect_prefix="http://p"
        ),
        *(
            L7Policy(
                id=f"to-{pool}", listener_id="listener", action=PolicyAction.REDIRECT_TO_POOL, position=3, redirect_pool_id=pool
            )
            for pool in ("secure", "greeted")
        ),
        *(
            L7Rule(id=f"{each}-rule", l7policy_id=each, type=RuleType.PATH, compare_type=CompareType.EQUAL_TO, value="/")
            for each in ("to-prefix", "to-secure", "to-greeted")
        ),
        *_rules("to-url"),
    )
    if not certificates:
        return tree
    return tree.put(
        Listener(
            id="tls",
            protocol=ListenerProtocol.TERMINATED_HTTPS,
            protocol_port=8443,
            default_tls_container_ref="r4",
            sni_container_refs=("r5",),
            client_ca_tls_container_ref="r6",
            client_crl_container_ref="r7",
            client_authentication=ClientAuthentication.OPTIONAL,
        )
    )


@dataclass(frozen=True)
class Place:
    """Where a text stands: an attribute of one object. `given` makes the attribute of a text, `meant` what comes of the text."""

    object_id: str
    attribute: str
    given: Callable[[str], Any] = str
    meant: Callable[[str], str] = str
    allowed: Callable[[str], bool] = lambda text: True
    label: str = ""

    def __str__(self) -> str:
        return f"{self.object_id} {self.attribute} {self.label}".strip()

    def put(self, tree: Tree, text: str) -> Tree:
        return tree.put(_replaced(tree.get(self.object_id), self.attribute.split("."), self.given(text)))


def _replaced(each: Any, names: list[str], value: Any) -> Any:
    if len(names) > 1:
        value = _replaced(getattr(each, names[0]), names[1:], value)
    return dataclasses.replace(each, **{names[0]: value})


def defined(tree: Tree) -> ServiceDefinition:
    """The tree with all its references resolved."""
    refs = {ref for each in tree.objects() for ref in secret_refs(each)}
    secrets = {ref: SecretRef("p", ref, "0" * 64) for ref in refs}
    return ServiceDefinition(unit_id="lb", generation=1, replace=0, tree=tree, secrets=secrets)


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def _one(text: str) -> tuple[str, ...]:
    return (text,)


def _is(pattern: str) -> Callable[[str], bool]:
    return lambda text: re.fullmatch(pattern, text) is not None


def _parses(parse: Callable[[str], object]) -> Callable[[str], bool]:
    def true(text: str) -> bool:
        try:
            parse(text)
        except ValueError:
            return False
        return "%" not in text

    return true


_TRIED = _rules("")
_KEYED = [rule.id for rule in _TRIED if rule.key and rule.compare_type is CompareType.EQUAL_TO]
_VALUED = [rule for rule in _TRIED if rule.type not in (RuleType.SSL_CONN_HAS_CERT, RuleType.SSL_VERIFY_RESULT)]
_TYPED = f"rule-{RuleType.FILE_TYPE}-{CompareType.EQUAL_TO}"

READ_BACK = [
    Place("to-url", "redirect_url"),
    Place("to-prefix", "redirect_prefix"),
    *(Place(each.id, "value", meant=_unquoted) for each in _VALUED if each.id != _TYPED),
    Place(_TYPED, "value", meant=lambda text: _unquoted(text).removeprefix(".")),
    *(Place(each, "key") for each in _KEYED),
    Place("plain-monitor", "url_path", given=lambda text: f"/{text}"),
    Place("plain-monitor", "domain_name"),
    Place("secure-monitor", "domain_name"),
    Place("secure", "session_persistence.cookie_name"),
]
"""Texts that stand in the configuration to the letter, or are refused."""

FORMED = [
    Place("lb", "vip.address", allowed=_parses(ipaddress.ip_address)),
    Place("lb", "additional_vips", given=lambda text: (Vip(address=text),), allowed=_parses(ipaddress.ip_address)),
    Place("lb", "vip_qos_policy_id", allowed=_is("")),
    Place("lb", "vip_sg_ids", given=_one, allowed=lambda text: False),
    Place("listener", "allowed_cidrs", given=_one, allowed=_parses(lambda text: ipaddress.ip_network(text, strict=False))),
    Place("listener", "insert_headers", given=lambda text: {text: "true"}, allowed=(HEADERS | TLS_HEADERS).__contains__),
    *(
        place
        for owner in ("tls", "secure")
        for place in (
            Place(owner, "tls_ciphers", allowed=_is(r"[A-Za-z0-9\-+!:@=_.]*")),
            Place(owner, "tls_versions", given=_one, allowed=_is(r"TLSv1(\.[123])?")),
            Place(owner, "alpn_protocols", given=_one, allowed=_is(r"h2|http/1\.[01]")),
        )
    ),
    Place("plain-member", "address", allowed=_parses(ipaddress.ip_address)),
    Place("plain-member", "monitor_address", allowed=_parses(ipaddress.ip_address)),
    Place("plain-member", "vnic_type", allowed=_is("normal")),
    Place("plain-monitor", "expected_codes", allowed=_is(r"[0-9][0-9,\s-]*|")),
    Place("secure", "session_persistence.persistence_granularity", allowed=_is(r"[0-9.]*")),
    Place(f"rule-{RuleType.SSL_VERIFY_RESULT}-{CompareType.EQUAL_TO}", "value", allowed=_is('[0-9]+|"[0-9]+"')),
]
"""Texts of a narrow form, in which nothing can do harm, or else refused."""

HIDDEN = [
    Place("tls", "default_tls_container_ref"),
    Place("tls", "sni_container_refs", given=_one),
    Place("tls", "client_ca_tls_container_ref"),
    Place("tls", "client_crl_container_ref"),
    Place("secure", "tls_container_ref"),
    Place("secure", "ca_tls_container_ref"),
    Place("secure", "crl_container_ref"),
    Place("greeted-monitor", "domain_name"),
]
"""Texts of which the configuration has a digest or the bytes in hexadecimal."""

_PEOPLE = ("name", "description")
NOWHERE = [
    *(Place(each, name) for each in ("lb", "listener", "plain", "to-url") for name in _PEOPLE),
    *(Place(each, "name") for each in ("plain-member", "plain-monitor")),
    *(Place(each, "tags", _one) for each in ("lb", "listener", "plain", "plain-member", "plain-monitor", "to-url", _TYPED)),
    *(Place("lb", name) for name in ("project_id", "provider", "flavor_id", "availability_zone")),
    *(Place("lb", name, given=lambda text: {text: text}) for name in ("flavor", "zone")),
    *(Place("lb", f"vip.{name}") for name in ("subnet_id", "network_id", "port_id")),
    Place("plain-member", "subnet_id"),
    Place("listener", "insert_headers", given=lambda text: {"X-Forwarded-For": f"{text}!"}, label="value"),
    Place(f"rule-{RuleType.SSL_CONN_HAS_CERT}-{CompareType.EQUAL_TO}", "value"),
]
"""Texts that never get into the configuration."""

IDS = {"id", "listener_id", "pool_id", "l7policy_id", "default_pool_id", "redirect_pool_id"}
"""Ids are not texts of users."""


def texts(made: type[Any]) -> Iterator[str]:
    """The attributes of a class that hold text."""
    for attribute, hint in attributes(made):
        if _has_text(hint) and attribute not in IDS:
            yield attribute


def _has_text(hint: Any) -> bool:
    parts = typing.get_args(hint)
    return hint is str or hint is Vip or any(_has_text(part) for part in parts)


def missing() -> list[str]:
    """The texts that stand in no list."""
    tree = base()
    listed: set[tuple[type[Any], str]] = {
        (type(tree.get(place.object_id)), place.attribute) for place in (*READ_BACK, *FORMED, *HIDDEN, *NOWHERE)
    }
    return [f"{made.__name__}.{attribute}" for made in MADE for attribute in texts(made) if (made, attribute) not in listed]


def normal(documents: Mapping[str, str]) -> dict[str, str]:
    """Documents without their digests and other long numbers in hexadecimal."""
    return {_without(name): _without(body) for name, body in documents.items() if name.startswith("crt-list")}


def _without(text: str) -> str:
    return re.sub("[0-9a-f]{32,}", "#", text)


def without_digests(lines: list[list[str]]) -> list[list[str]]:
    return [[_without(word) for word in line] for line in lines]
