"""The floor's SQL, and how its two drivers begin and end transactions."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import msgspec

_OBJECT = {
    "id": None,
    "project_id": None,
    "name": "",
    "admin_state_up": True,
    "tags": "[]",
    "created": 1,
    "changed": 1,
    "deleted": None,
    "live": 1,
    "created_at": None,
    "updated_at": None,
    "provisioning_status": "PENDING_CREATE",
    "operating_status": "OFFLINE",
}
_CHILD = _OBJECT | {"load_balancer_id": None, "seq": None}

EMPTY: dict[str, dict[str, Any]] = {
    "load_balancer": _OBJECT
    | {
        "origin": "octavia_v2",
        "description": "",
        "provider": "memory",
        "vip_address": None,
        "vip_subnet_id": None,
        "vip_network_id": None,
        "vip_port_id": None,
        "vip_qos_policy_id": None,
        "vip_sg_ids": "[]",
        "additional_vips": "[]",
        "flavor_id": None,
        "availability_zone": None,
        "flavor": "{}",
        "zone": "{}",
    },
    "listener": _CHILD
    | {
        "description": "",
        "protocol": None,
        "protocol_port": None,
        "transport": "tcp",
        "connection_limit": -1,
        "default_pool_id": None,
        "default_tls_container_ref": None,
        "sni_container_refs": "[]",
        "client_ca_tls_container_ref": None,
        "client_crl_container_ref": None,
        "client_authentication": "NONE",
        "insert_headers": "{}",
        "timeout_client_data": 50000,
        "timeout_member_connect": 5000,
        "timeout_member_data": 50000,
        "timeout_tcp_inspect": 0,
        "allowed_cidrs": "[]",
        "tls_ciphers": None,
        "tls_versions": "[]",
        "alpn_protocols": "[]",
        "hsts_max_age": None,
        "hsts_include_subdomains": False,
        "hsts_preload": False,
    },
    "pool": _CHILD
    | {
        "description": "",
        "protocol": None,
        "lb_algorithm": None,
        "session_persistence": None,
        "tls_enabled": False,
        "tls_container_ref": None,
        "ca_tls_container_ref": None,
        "crl_container_ref": None,
        "tls_ciphers": None,
        "tls_versions": "[]",
        "alpn_protocols": "[]",
    },
    "member": _CHILD
    | {
        "pool_id": None,
        "address": None,
        "protocol_port": None,
        "subnet_id": None,
        "weight": 1,
        "backup": False,
        "monitor_address": None,
        "monitor_port": None,
        "vnic_type": "normal",
    },
    "health_monitor": _CHILD
    | {
        "pool_id": None,
        "type": None,
        "delay": None,
        "timeout": None,
        "max_retries": None,
        "max_retries_down": 3,
        "http_method": None,
        "url_path": None,
        "expected_codes": None,
        "http_version": None,
        "domain_name": None,
    },
    "l7policy": _CHILD
    | {
        "description": "",
        "listener_id": None,
        "action": None,
        "position": None,
        "redirect_pool_id": None,
        "redirect_url": None,
        "redirect_prefix": None,
        "redirect_http_code": None,
    },
    "l7rule": _CHILD | {"l7policy_id": None, "type": None, "compare_type": None, "value": None, "key": None, "invert": False},
    "claim": {"id": None, "unit_id": None, "kind": "address", "place": None, "name": None},
    "unit": {
        "id": None,
        "kind": "load_balancer",
        "key": None,
        "project_id": None,
        "lane_id": "memory:0",
        "backend": "memory",
        "generation": 1,
        "observed": 0,
        "replace": 0,
        "deleted": None,
        "gone_at": None,
        "asked": 1,
        "due_at": None,
        "behind_since": None,
        "rank": 0,
        "attempts": 0,
        "resync": False,
        "checked_at": None,
        "memo": None,
        "accepted": None,
    },
    "event": {
        "load_balancer_id": None,
        "at": None,
        "generation": None,
        "object_kind": None,
        "object_id": None,
        "text": None,
    },
}
"""A row of every table that a creation writes, with what is the same in all of them."""

_THERE = "provisioning_status != 'DELETED'"
_PAGE_ORDER = "ORDER BY created_at, id LIMIT ?"
_COLUMNS = """
    id, name, description, provisioning_status, operating_status, admin_state_up, project_id, created_at, updated_at,
    vip_address, vip_port_id, vip_subnet_id, vip_network_id, vip_sg_ids, additional_vips, provider, flavor_id,
    vip_qos_policy_id, tags, availability_zone
"""
_BELOW = "SELECT load_balancer_id, id FROM {} WHERE load_balancer_id = ? ORDER BY seq"
_BELOW_PAGE = f"""
    SELECT below.load_balancer_id, below.id
    FROM {{}} AS below
    JOIN (SELECT id FROM load_balancer WHERE {_THERE}{{}} {_PAGE_ORDER}) AS page ON page.id = below.load_balancer_id
    ORDER BY below.seq
"""
_CHILDREN = ("listener", "pool", "member", "health_monitor", "l7policy", "l7rule")
COUNTED = ("load_balancer", *_CHILDREN)
_TAKE = (
    f"UPDATE quota SET {', '.join(f'{kind}_used = {kind}_used + ?' for kind in COUNTED)} WHERE project_id = ? AND "
    + " AND ".join(f"({kind}_limit IS NULL OR {kind}_used + ? <= {kind}_limit)" for kind in COUNTED)
)
_LAST = " UNION ALL ".join(f"SELECT max(seq) AS seq FROM {table} WHERE load_balancer_id = ?" for table in _CHILDREN)
_TOUCH = "UPDATE {} SET changed = ?, provisioning_status = 'PENDING_UPDATE' WHERE"


_FILTERS = {
    "": "",
    "name": " AND name = ?",
    "provisioning_status": " AND provisioning_status = ?",
    "tags": " AND id IN (SELECT object_id FROM tag WHERE tag = ?)",
}


@dataclass(frozen=True, slots=True)
class Sql:
    """Every statement, in the words of one driver. `pages` has those of a list by what it is filtered by, "" for everything."""

    one: str
    listeners_of: str
    pools_of: str
    pages: dict[str, tuple[str, str, str]]
    home: str
    bump: str
    next_seq: str
    touch_pool: str
    touch_listeners: str
    touch_load_balancer: str
    insert: dict[str, str]
    claim: str
    give: str
    take: str


def _statements(words: Callable[[str], str]) -> Sql:
    return Sql(
        one=words(f"SELECT {_COLUMNS} FROM load_balancer WHERE id = ? AND {_THERE}"),
        listeners_of=words(_BELOW.format("listener")),
        pools_of=words(_BELOW.format("pool")),
        pages={
            name: (
                words(f"SELECT {_COLUMNS} FROM load_balancer WHERE {_THERE}{having} {_PAGE_ORDER}"),
                words(_BELOW_PAGE.format("listener", having)),
                words(_BELOW_PAGE.format("pool", having)),
            )
            for name, having in _FILTERS.items()
        },
        home=words(
            "SELECT load_balancer_id, project_id, EXISTS (SELECT 1 FROM health_monitor WHERE pool_id = pool.id) "
            f"FROM pool WHERE id = ? AND {_THERE}"
        ),
        bump=words(
            'UPDATE unit SET generation = generation + 1, asked = asked + 1, due_at = ?, "rank" = 0, attempts = 0, '
            "behind_since = coalesce(behind_since, ?) WHERE id = ? AND gone_at IS NULL RETURNING generation"
        ),
        next_seq=words(f"SELECT max(seq) + 1 FROM ({_LAST}) AS last"),
        touch_pool=words(_TOUCH.format("pool") + " id = ?"),
        touch_listeners=words(
            _TOUCH.format("listener") + " load_balancer_id = ? AND (default_pool_id = ? "
            "OR id IN (SELECT listener_id FROM l7policy WHERE redirect_pool_id = ?))"
        ),
        touch_load_balancer=words(_TOUCH.format("load_balancer") + " id = ?"),
        insert={table: words(_insert(table, list(row))) for table, row in EMPTY.items()},
        claim=words(_insert("claim", list(EMPTY["claim"])) + " ON CONFLICT DO NOTHING"),
        give=words(
            "UPDATE placement SET load_balancers = load_balancers + 1, listeners = listeners + ? "
            "WHERE lane_id = ? AND NOT drained AND load_balancers < ?"
        ),
        take=words(_TAKE),
    )


def _insert(table: str, names: list[str]) -> str:
    columns, values = (", ".join(form.format(name) for name in names) for form in ('"{}"', ":{}"))
    return f"INSERT INTO {table} ({columns}) VALUES ({values})"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How to talk to one kind of database. `json` gives the value of a JSON column."""

    sql: Sql
    connect_to_read: Callable[[], Any]
    connect_to_write: Callable[[], Any]
    read: Callable[[Any], AbstractContextManager[Any]]
    write: Callable[[Any], AbstractContextManager[Any]]
    json: Callable[[Any], Any]


def sqlite(url: str) -> Dialect:
    """SQLite. Writers wait for each other here, where it costs nothing, and not in the driver, which would sleep and poll."""
    path = url.removeprefix("sqlite:///")
    writing = threading.Lock()

    def connect() -> sqlite3.Connection:
        made = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        made.execute("PRAGMA synchronous = full")
        return made

    @contextmanager
    def transaction(begin: str, conn: sqlite3.Connection) -> Iterator[sqlite3.Cursor]:
        cursor = conn.cursor()
        cursor.execute(begin)
        try:
            yield cursor
            cursor.execute("COMMIT")
        except BaseException:
            cursor.execute("ROLLBACK")
            raise

    @contextmanager
    def write(conn: sqlite3.Connection) -> Iterator[sqlite3.Cursor]:
        with writing, transaction("BEGIN IMMEDIATE", conn) as cursor:
            yield cursor

    def read(conn: sqlite3.Connection) -> AbstractContextManager[sqlite3.Cursor]:
        return transaction("BEGIN", conn)

    return Dialect(_statements(str), connect, connect, read, write, msgspec.json.Decoder().decode)


def postgresql(url: str) -> Dialect:
    """PostgreSQL, through psycopg 3."""
    import psycopg
    from psycopg.types.json import set_json_loads

    set_json_loads(msgspec.json.Decoder().decode)
    target = url.replace("+psycopg", "")

    def connect_to_read() -> Any:
        made = psycopg.connect(target)
        made.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        made.read_only = True
        return made

    def connect_to_write() -> Any:
        made = psycopg.connect(target)
        made.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        return made

    @contextmanager
    def transaction(conn: Any) -> Iterator[Any]:
        with conn.transaction(), conn.cursor() as cursor:
            yield cursor

    def words(sql: str) -> str:
        return re.sub(r":(\w+)", r"%(\1)s", sql).replace("?", "%s")

    return Dialect(_statements(words), connect_to_read, connect_to_write, transaction, transaction, lambda value: value)
