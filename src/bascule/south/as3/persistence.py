"""Session persistence, and hashes of clients: what ties a client to a member.

On BIG-IP both belong to a listener, whichever pool it sends a client to, and what an iRule says of one request holds for those
after it. So all pools of a listener have to have the same.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

from bascule.model.documents import digest
from bascule.model.objects import Algorithm, Listener, ListenerProtocol, PersistenceType, Pool, SessionPersistence, Tree
from bascule.model.rules.text import is_token
from bascule.south.as3 import irule, tls

_IDLE = 3600
"""Seconds that a client is remembered for after its last connection, where nobody says how long: BIG-IP forgets nobody before."""

_LONGEST = 604_800

_COOKIES = (PersistenceType.APP_COOKIE, PersistenceType.HTTP_COOKIE)
_HASHES = (Algorithm.SOURCE_IP, Algorithm.SOURCE_IP_PORT)
_PORTS = {ListenerProtocol.UDP: "UDP::client_port", ListenerProtocol.SCTP: "SCTP::client_port"}
_READ = (ListenerProtocol.HTTP, ListenerProtocol.TERMINATED_HTTPS)

Kind = tuple[SessionPersistence | None, Algorithm | None]


def kind(pool: Pool) -> Kind | None:
    """What ties a client to a member of a pool; None if nothing does."""
    hashed = pool.lb_algorithm if pool.lb_algorithm in _HASHES else None
    return (pool.session_persistence, hashed) if pool.session_persistence or hashed else None


def of(tree: Tree, listener: Listener) -> Kind | None:
    """What ties a client to a member of any pool of a listener."""
    return next((found for pool in tree.pools_of(listener.id) if (found := kind(pool))), None)


def render(tree: Tree, listener: Listener) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a service says of persistence, and the items for it, by name. It always says something, or AS3 would choose."""
    found = of(tree, listener)
    if not found:
        return {"persistenceMethods": []}, {}
    persistence, hashed = found
    service: dict[str, Any] = {}
    items: dict[str, Any] = {}
    if persistence:
        name, profile, more = _profile(listener, persistence)
        service["persistenceMethods"] = [{"use": name}]
        items |= {name: profile, **more}
    if hashed is Algorithm.SOURCE_IP:
        items["ps_source_hash"] = {"class": "Persist", "persistenceMethod": "source-address", "hashAlgorithm": "carp"}
        if persistence:
            service["fallbackPersistenceMethod"] = {"use": "ps_source_hash"}
        else:
            service["persistenceMethods"] = [{"use": "ps_source_hash"}]
    elif hashed:
        name, profile, more = _port_hash(listener)
        service["persistenceMethods"] = [{"use": name}]
        items |= {name: profile, **more}
    return service, items


def _profile(listener: Listener, persistence: SessionPersistence) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """The profile of a session persistence with its name, and the items it needs."""
    body: dict[str, Any] = {"class": "Persist"}
    match persistence.type:
        case PersistenceType.HTTP_COOKIE:
            # A browser brings no cookie over plain HTTP that was marked for TLS alone, as AS3 would mark it.
            body |= {"persistenceMethod": "cookie", "secure": tls.ends(listener)}
            return "ps_cookie_tls" if tls.ends(listener) else "ps_cookie", body, {}
        case PersistenceType.SOURCE_IP:
            seconds, mask = persistence.persistence_timeout or _IDLE, persistence.persistence_granularity
            body |= {"persistenceMethod": "source-address", "duration": seconds}
            if mask:
                body["addressMask"] = str(ipaddress.IPv4Address(mask))
            return "_".join(("ps_source", str(seconds), *(mask or "").split("."))).rstrip("_"), body, {}
        case PersistenceType.APP_COOKIE:
            return _application_cookie(persistence.cookie_name or "")


def _application_cookie(cookie: str) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Whoever brings a cookie that a member has set goes to that member."""
    name = irule.word(cookie)
    text = f"""\
when HTTP_REQUEST {{
    {irule.ANSWERED}
    if {{ [HTTP::cookie exists {name}] }} {{ persist uie [HTTP::cookie value {name}] {_IDLE} }}
}}
when HTTP_RESPONSE {{
    if {{ [HTTP::cookie exists {name}] }} {{ persist add uie [HTTP::cookie value {name}] {_IDLE} }}
}}"""
    rule = irule.shared("cookie", text)
    body = {"class": "Persist", "persistenceMethod": "universal", "duration": _IDLE, "iRule": next(iter(rule))}
    return f"ps_cookie_{digest(cookie)[:12]}", body, rule


def _port_hash(listener: Listener) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Chooses a member by address and port of the client, which remembers nothing."""
    port = _PORTS.get(listener.protocol, "TCP::client_port")
    rule = irule.shared("port", f'when CLIENT_ACCEPTED {{\n    persist carp "[IP::client_addr]:[{port}]"\n}}')
    body = {"class": "Persist", "persistenceMethod": "hash", "hashAlgorithm": "carp", "iRule": next(iter(rule))}
    return f"ps_port_{port.partition(':')[0].lower()}", body, rule


def refuse(pool: Pool, tree: Tree) -> Iterator[str]:
    """What of the persistence of a pool, and of its algorithm, cannot be carried."""
    persistence, hashed = kind(pool) or (None, None)
    if persistence:
        yield from _refuse_persistence(pool, persistence, tree)
    if hashed and len({member.weight for member in tree.members_of(pool.id) if member.weight}) > 1:
        yield f"lb_algorithm {hashed} is not possible with different weights: hashes know of none."
    if persistence and hashed and (hashed is Algorithm.SOURCE_IP_PORT or persistence.type is PersistenceType.SOURCE_IP):
        yield (
            f"session_persistence type {persistence.type} is not possible with lb_algorithm {hashed}, which ties clients "
            "to members itself; it is possible with ROUND_ROBIN and LEAST_CONNECTIONS."
        )
    for listener in tree.listeners_of(pool.id):
        if of(tree, listener) != kind(pool):
            yield (
                f"session_persistence and lb_algorithm {pool.lb_algorithm} are not possible beside those of the other pools of "
                f"listener {listener.id}: all of its pools must tie clients to members in the same way, or none of them."
            )


def _refuse_persistence(pool: Pool, persistence: SessionPersistence, tree: Tree) -> Iterator[str]:
    if persistence.type is PersistenceType.APP_COOKIE and not is_token(persistence.cookie_name or ""):
        yield "session_persistence cookie_name must be the name of a cookie."
    if persistence.persistence_timeout is not None and not 1 <= persistence.persistence_timeout <= _LONGEST:
        yield f"session_persistence persistence_timeout can be 1 to {_LONGEST} seconds."
    if persistence.persistence_granularity and not _is_mask(persistence.persistence_granularity):
        yield "session_persistence persistence_granularity must be the netmask of an IPv4 network, such as 255.255.255.0."
    passing = [each for each in tree.listeners_of(pool.id) if each.protocol not in _READ]
    if persistence.type in _COOKIES and passing:
        yield (
            f"session_persistence type {persistence.type} is not possible behind a {passing[0].protocol} listener, which does not "
            "read requests; it can be SOURCE_IP."
        )


def _is_mask(text: str) -> bool:
    try:
        return str(ipaddress.IPv4Network(f"0.0.0.0/{text}").netmask) == text
    except ValueError:
        return False
