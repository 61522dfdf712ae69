"""From a service definition to documents. Pure.

The documents, in the order in which they are written: certificates and their like, the lists that name them, the configuration,
and the instance. The instance stands for what is running: it names all the others by their digests.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from bascule.model import refusals
from bascule.model.backend import Refusal
from bascule.model.definition import ServiceDefinition
from bascule.model.documents import Documents, digest
from bascule.model.objects import (
    HealthMonitor,
    L7Policy,
    L7Rule,
    Listener,
    LoadBalancer,
    Member,
    Object,
    Pool,
    Tree,
)
from bascule.south.haproxy import certificate, flavor, health_monitor, l7rule, listener, member, member_tls, persistence, pool
from bascule.south.haproxy.quoting import name

CONFIGURATION = "haproxy.cfg"
INSTANCE = "instance"

STATS_SOCKET = "stats.sock"
STATE_FILE = "server-state"

_GLOBAL = f"""\
global
    stats socket unix@../{STATS_SOCKET} mode 600 level admin expose-fd listeners
    server-state-file ../{STATE_FILE}
    fd-hard-limit 100000
    hard-stop-after 30m
    ssl-default-bind-options ssl-min-ver TLSv1.2
    tune.ssl.default-dh-param 2048
"""
_DEFAULTS = """
defaults
    load-server-state-from-file global
    retries 3
    option redispatch 1
    option contstats
    option allbackups
    timeout client 50s
    timeout connect 5s
    timeout server 50s
"""
_PEERS = """
peers own
    peer own unix@../peers.sock
"""


def render(definition: ServiceDefinition) -> Documents:
    """What the instance of a load balancer holds. Raises KeyError for a certificate that the definition does not resolve."""
    listeners = listener.carried(definition.tree)
    used = dict.fromkeys(pool_id for pool_id, _ in pool.carried(definition.tree, listeners))
    pools = [each for each in definition.tree.pools if each.id in used]
    files = [file for each in listeners for file in listener.files(definition, each)]
    files += [file for each in pools for file in member_tls.files(definition, each)]
    documents = {file.document: file.body for file in files}
    for each in listeners:
        if listed := certificate.listed(listener.files(definition, each)):
            documents[certificate.crt_list(each.id)] = listed
    documents |= health_monitor.programs(definition.tree, pools)
    documents[CONFIGURATION] = _configuration(definition, listeners)
    documents[INSTANCE] = instance(documents, definition.replace)
    return documents


def instance(documents: Documents, replace: int) -> str:
    """What an instance says of itself once it runs these documents."""
    others = "".join(f"{name} {digest(body)}\n" for name, body in sorted(documents.items()) if name != CONFIGURATION)
    said = {"configuration": digest(documents[CONFIGURATION]), "files": digest(others), "replace": replace}
    return json.dumps(said, sort_keys=True)


def replaced(said: str) -> int:
    """The generation of the last failover that an instance document names."""
    return int(json.loads(said)["replace"])


def _configuration(definition: ServiceDefinition, listeners: list[Listener]) -> str:
    tree = definition.tree
    backends = pool.carried(tree, listeners)
    pools = {pool_id: found for pool_id, _ in backends if (found := tree.pool(pool_id))}
    text = f"# Load balancer {name(tree.id)}. Written by Bascule, which overwrites whatever is changed here.\n{_GLOBAL}"
    text += "".join(f"    {line}\n" for line in flavor.for_all(tree.load_balancer.flavor))
    text += "".join(f"    {line}\n" for line in health_monitor.for_all(tree, pools.values()))
    sticky = any(persistence.by_table(each) for each in pools.values())
    text += f"    localpeer own\n{_DEFAULTS}{_PEERS}" if sticky else _DEFAULTS
    sections = [listener.render(definition, each) for each in listeners]
    sections += [pool.render(definition, pools[pool_id], mode, users) for (pool_id, mode), users in backends.items()]
    return text + "".join("\n" + "\n".join(lines) + "\n" for lines in sections)


def refuse(tree: Tree) -> list[Refusal]:
    """What of a tree HAProxy, as driven from here, can never carry."""
    return refusals.collect(tree, lambda each: _texts(each, tree))


def _texts(each: Object, tree: Tree) -> Iterator[str]:
    match each:
        case LoadBalancer():
            yield from refusals.of_load_balancer(each)
        case Listener():
            yield from listener.refuse(each)
        case Pool():
            yield from pool.refuse(each, tree)
        case Member():
            yield from member.refuse(each)
        case HealthMonitor():
            yield from health_monitor.refuse(each)
        case L7Policy():
            yield from refusals.of_l7policy(each, tree)
        case L7Rule():
            yield from l7rule.refuse(each)
