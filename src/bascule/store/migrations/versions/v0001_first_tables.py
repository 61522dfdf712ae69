"""The first tables."""

from __future__ import annotations

import secrets
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import LONGTEXT

revision = "0001"
down_revision = None

Id = sa.String(36)
Reference = sa.String(128)
Text = sa.String(255)
Json = sa.JSON()
Long = sa.Text().with_variant(LONGTEXT, "mysql")


def upgrade() -> None:
    """Create every table, and epoch 1."""
    _load_balancer()
    _listener()
    _pool()
    _member()
    _health_monitor()
    _l7policy()
    _l7rule()
    _tag()
    _work()
    _reports()
    _quota()
    _offers()
    _meta()


def _load_balancer() -> None:
    _table(
        "load_balancer",
        *_object_columns(),
        sa.Column("origin", sa.String(32), nullable=False),
        sa.Column("description", Text, nullable=False),
        sa.Column("provider", sa.String(64), nullable=False),
        sa.Column("vip_address", sa.String(64), nullable=False),
        sa.Column("vip_subnet_id", Id),
        sa.Column("vip_network_id", Id),
        sa.Column("vip_port_id", Id),
        sa.Column("vip_qos_policy_id", Id),
        sa.Column("vip_sg_ids", Json, nullable=False),
        sa.Column("additional_vips", Json, nullable=False),
        sa.Column("flavor_id", Id),
        sa.Column("availability_zone", Text),
        sa.Column("flavor", Json, nullable=False),
        sa.Column("zone", Json, nullable=False),
    )
    _index("load_balancer", "project_id", "created_at", "id")
    _index("load_balancer", "created_at", "id")
    _index("load_balancer", "name")
    _index("load_balancer", "vip_address")
    _index("load_balancer", "flavor_id")
    _index("load_balancer", "availability_zone")
    _index("load_balancer", "provisioning_status")
    _index("load_balancer", "operating_status")


def _listener() -> None:
    _child(
        "listener",
        sa.Column("description", Text, nullable=False),
        sa.Column("protocol", sa.String(16), nullable=False),
        sa.Column("protocol_port", sa.Integer, nullable=False),
        sa.Column("transport", sa.String(4), nullable=False),
        sa.Column("connection_limit", sa.Integer, nullable=False),
        sa.Column("default_pool_id", Id),
        sa.Column("default_tls_container_ref", Text),
        sa.Column("sni_container_refs", Json, nullable=False),
        sa.Column("client_ca_tls_container_ref", Text),
        sa.Column("client_crl_container_ref", Text),
        sa.Column("client_authentication", sa.String(10), nullable=False),
        sa.Column("insert_headers", Json, nullable=False),
        sa.Column("timeout_client_data", sa.BigInteger, nullable=False),
        sa.Column("timeout_member_connect", sa.BigInteger, nullable=False),
        sa.Column("timeout_member_data", sa.BigInteger, nullable=False),
        sa.Column("timeout_tcp_inspect", sa.BigInteger, nullable=False),
        sa.Column("allowed_cidrs", Json, nullable=False),
        sa.Column("tls_ciphers", sa.String(2048)),
        sa.Column("tls_versions", Json, nullable=False),
        sa.Column("alpn_protocols", Json, nullable=False),
        sa.Column("hsts_max_age", sa.BigInteger),
        sa.Column("hsts_include_subdomains", sa.Boolean, nullable=False),
        sa.Column("hsts_preload", sa.Boolean, nullable=False),
        _unique("listener", "load_balancer_id", "transport", "protocol_port", "live"),
    )


def _pool() -> None:
    _child(
        "pool",
        sa.Column("description", Text, nullable=False),
        sa.Column("protocol", sa.String(16), nullable=False),
        sa.Column("lb_algorithm", sa.String(32), nullable=False),
        sa.Column("session_persistence", Json),
        sa.Column("tls_enabled", sa.Boolean, nullable=False),
        sa.Column("tls_container_ref", Text),
        sa.Column("ca_tls_container_ref", Text),
        sa.Column("crl_container_ref", Text),
        sa.Column("tls_ciphers", sa.String(2048)),
        sa.Column("tls_versions", Json, nullable=False),
        sa.Column("alpn_protocols", Json, nullable=False),
    )


def _member() -> None:
    _child(
        "member",
        sa.Column("pool_id", Id, nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("protocol_port", sa.Integer, nullable=False),
        sa.Column("subnet_id", Id),
        sa.Column("weight", sa.Integer, nullable=False),
        sa.Column("backup", sa.Boolean, nullable=False),
        sa.Column("monitor_address", sa.String(64)),
        sa.Column("monitor_port", sa.Integer),
        sa.Column("vnic_type", sa.String(16), nullable=False),
        _unique("member", "pool_id", "address", "protocol_port", "live"),
    )
    _index("member", "address")


def _health_monitor() -> None:
    _child(
        "health_monitor",
        sa.Column("pool_id", Id, nullable=False),
        sa.Column("type", sa.String(16), nullable=False),
        sa.Column("delay", sa.Integer, nullable=False),
        sa.Column("timeout", sa.Integer, nullable=False),
        sa.Column("max_retries", sa.Integer, nullable=False),
        sa.Column("max_retries_down", sa.Integer, nullable=False),
        sa.Column("http_method", sa.String(16)),
        sa.Column("url_path", sa.String(2048)),
        sa.Column("expected_codes", sa.String(64)),
        sa.Column("http_version", sa.Double),
        sa.Column("domain_name", Text),
    )
    _index("health_monitor", "pool_id")


def _l7policy() -> None:
    _child(
        "l7policy",
        sa.Column("description", Text, nullable=False),
        sa.Column("listener_id", Id, nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("redirect_pool_id", Id),
        sa.Column("redirect_url", Text),
        sa.Column("redirect_prefix", Text),
        sa.Column("redirect_http_code", sa.Integer),
    )
    _index("l7policy", "listener_id")
    _index("l7policy", "redirect_pool_id")


def _l7rule() -> None:
    _child(
        "l7rule",
        sa.Column("l7policy_id", Id, nullable=False),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("compare_type", sa.String(16), nullable=False),
        sa.Column("value", Text, nullable=False),
        sa.Column("key", Text, quote=True),
        sa.Column("invert", sa.Boolean, nullable=False),
    )
    _index("l7rule", "l7policy_id")


def _tag() -> None:
    _table(
        "tag",
        sa.Column("object_id", Id, nullable=False),
        sa.Column("tag", Text, nullable=False),
        sa.Column("load_balancer_id", Id, nullable=False),
        primary_key=("object_id", "tag"),
    )
    _index("tag", "tag", "object_id")
    _index("tag", "load_balancer_id")


def _work() -> None:
    _table(
        "lane",
        sa.Column("id", Reference, nullable=False),
        sa.Column("backend", sa.String(64), nullable=False),
        sa.Column("tags", Json, nullable=False),
        sa.Column("owner", Reference),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("beat", sa.BigInteger, nullable=False),
    )
    _table(
        "placement",
        sa.Column("lane_id", Reference, nullable=False),
        sa.Column("load_balancers", sa.Integer, nullable=False),
        sa.Column("listeners", sa.Integer, nullable=False),
        sa.Column("drained", sa.Boolean, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        primary_key=("lane_id",),
    )
    _table(
        "watch",
        sa.Column("id", Reference, nullable=False),
        sa.Column("owner", Reference),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("beat", sa.BigInteger, nullable=False),
        sa.Column("since", sa.Double, nullable=False),
        sa.Column("looked_at", sa.Double, nullable=False),
        sa.Column("devices", Json, nullable=False),
        sa.Column("load", Json, quote=True),
    )
    _table(
        "unit",
        sa.Column("id", Reference, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("key", Reference, nullable=False, quote=True),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("lane_id", Reference, nullable=False),
        sa.Column("backend", sa.String(64), nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("observed", sa.Integer, nullable=False),
        sa.Column("replace", sa.Integer, nullable=False, quote=True),
        sa.Column("deleted", sa.Integer),
        sa.Column("gone_at", sa.Double),
        sa.Column("asked", sa.BigInteger, nullable=False),
        sa.Column("due_at", sa.Double),
        sa.Column("rank", sa.SmallInteger, nullable=False, quote=True),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("resync", sa.Boolean, nullable=False),
        sa.Column("checked_at", sa.Double),
        sa.Column("memo", Long),
        sa.Column("accepted", Long),
    )
    op.create_index("ix_unit_lane_due", "unit", ["lane_id", "rank", "due_at"], if_not_exists=True)
    op.create_index("ix_unit_lane_turn", "unit", ["lane_id", "rank", "project_id", "due_at"], if_not_exists=True)
    _index("unit", "checked_at")
    _index("unit", "gone_at")
    _table(
        "unit_need",
        sa.Column("unit_id", Reference, nullable=False),
        sa.Column("needs_id", Reference, nullable=False),
        primary_key=("unit_id", "needs_id"),
    )
    _index("unit_need", "needs_id")
    _table(
        "carrier",
        sa.Column("unit_id", Reference, nullable=False),
        sa.Column("name", Reference, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("observed", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("digests", Json, nullable=False),
        sa.Column("id", Id, nullable=False),
        _unique("carrier", "id"),
        primary_key=("unit_id", "name"),
    )
    _table(
        "claim",
        sa.Column("id", Id, nullable=False),
        sa.Column("unit_id", Reference, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("place", Reference, nullable=False),
        sa.Column("name", Reference, nullable=False),
        _unique("claim", "kind", "place", "name"),
    )
    _index("claim", "unit_id")


def _reports() -> None:
    _table(
        "fault",
        sa.Column("unit_id", Reference, nullable=False),
        sa.Column("object_id", Reference, nullable=False),
        sa.Column("object_kind", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("since", sa.Double, nullable=False),
        sa.Column("user_text", Long, nullable=False),
        sa.Column("operator_text", Long, nullable=False),
        primary_key=("unit_id", "object_id"),
    )
    _table(
        "event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), autoincrement=True, nullable=False),
        sa.Column("load_balancer_id", Id, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("object_kind", sa.String(32), nullable=False),
        sa.Column("object_id", Reference, nullable=False),
        sa.Column("text", Long, nullable=False),
    )
    _index("event", "load_balancer_id", "id")
    _table(
        "seen",
        sa.Column("unit_id", Reference, nullable=False),
        sa.Column("carrier", Reference, nullable=False),
        sa.Column("object_id", Id, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        primary_key=("unit_id", "carrier", "object_id"),
    )
    _table(
        "statistics",
        sa.Column("unit_id", Reference, nullable=False),
        sa.Column("carrier", Reference, nullable=False),
        sa.Column("listener_id", Id, nullable=False),
        sa.Column("kept_bytes_in", sa.BigInteger, nullable=False),
        sa.Column("kept_bytes_out", sa.BigInteger, nullable=False),
        sa.Column("kept_total_connections", sa.BigInteger, nullable=False),
        sa.Column("kept_request_errors", sa.BigInteger, nullable=False),
        sa.Column("last_bytes_in", sa.BigInteger, nullable=False),
        sa.Column("last_bytes_out", sa.BigInteger, nullable=False),
        sa.Column("last_total_connections", sa.BigInteger, nullable=False),
        sa.Column("last_request_errors", sa.BigInteger, nullable=False),
        sa.Column("active_connections", sa.BigInteger, nullable=False),
        primary_key=("unit_id", "carrier", "listener_id"),
    )
    _table(
        "secret_use",
        sa.Column("unit_id", Reference, nullable=False),
        sa.Column("object_id", Id, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("ref", Text, nullable=False),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("digest", sa.String(64)),
        sa.Column("ends_at", sa.Double),
        sa.Column("part", Text),
        sa.Column("looked_at", sa.Double, nullable=False),
        sa.Column("warned", sa.SmallInteger),
        primary_key=("unit_id", "object_id", "kind", "ref"),
    )
    _index("secret_use", "looked_at")


def _quota() -> None:
    kinds = ("load_balancer", "listener", "pool", "member", "health_monitor", "l7policy", "l7rule")
    _table(
        "quota",
        sa.Column("project_id", Text, nullable=False),
        *(sa.Column(f"{kind}_limit", sa.Integer) for kind in kinds),
        *(sa.Column(f"{kind}_used", sa.Integer, nullable=False) for kind in kinds),
        primary_key=("project_id",),
    )


def _offers() -> None:
    _table(
        "offer",
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("key", Text, nullable=False, quote=True),
        sa.Column("name", Text, nullable=False),
        sa.Column("description", Text, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("profile_id", Id, nullable=False),
        sa.Column("relied_on", sa.BigInteger, nullable=False),
        _unique("offer", "kind", "name"),
        primary_key=("kind", "key"),
    )
    _table(
        "offer_profile",
        sa.Column("id", Id, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("provider_name", Text, nullable=False),
        sa.Column("data", sa.String(4096), nullable=False),
        sa.Column("relied_on", sa.BigInteger, nullable=False),
    )


def _meta() -> None:
    name, value = sa.Column("name", sa.String(32), nullable=False), sa.Column("value", Text, nullable=False)
    _table("meta", name, value, primary_key=("name",))
    meta = sa.table("meta", sa.column("name", sa.String), sa.column("value", sa.String))
    there = set(op.get_bind().scalars(sa.select(meta.c.name)))
    for first, made in (("epoch", "1"), ("installation", secrets.token_hex(6))):
        if first not in there:
            op.bulk_insert(meta, [{"name": first, "value": made}])


def _object_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("admin_state_up", sa.Boolean, nullable=False),
        sa.Column("tags", Json, nullable=False),
        sa.Column("created", sa.Integer, nullable=False),
        sa.Column("changed", sa.Integer, nullable=False),
        sa.Column("deleted", sa.Integer),
        sa.Column("live", sa.SmallInteger),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("updated_at", sa.Double),
        sa.Column("provisioning_status", sa.String(16), nullable=False),
        sa.Column("operating_status", sa.String(16), nullable=False),
    ]


def _child(name: str, *columns: sa.Column[Any] | sa.UniqueConstraint) -> None:
    _table(
        name,
        *_object_columns(),
        sa.Column("load_balancer_id", Id, nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
        *columns,
    )
    _index(name, "load_balancer_id", "seq")
    _index(name, "project_id", "created_at", "id")
    _index(name, "created_at", "id")
    _index(name, "name")
    _index(name, "provisioning_status")


def _table(name: str, *columns: sa.Column[Any] | sa.UniqueConstraint, primary_key: tuple[str, ...] = ("id",)) -> None:
    op.create_table(
        name,
        *columns,
        sa.PrimaryKeyConstraint(*primary_key, name=f"pk_{name}"),
        if_not_exists=True,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_nopad_bin",
    )


def _unique(table: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name=f"uq_{table}_{'_'.join(columns)}")


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns), if_not_exists=True)
