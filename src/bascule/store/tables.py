"""Every table on one page.

One schema for SQLite, PostgreSQL and MariaDB. Times are seconds since the epoch, UTC, in double precision. `live` is 1 for what
exists and NULL for what is on its way out, so that natural keys are free again as soon as something is deleted.
The columns of an object's own attributes carry Octavia's names.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.mysql import LONGTEXT

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Id = sa.String(36)
Text = sa.String(255)
Json = sa.JSON(none_as_null=True)
Long = sa.Text().with_variant(LONGTEXT, "mysql")  # MariaDB's TEXT ends after 64 KiB.


def _object_columns() -> list[sa.Column[Any]]:
    """What every object has besides its attributes: whose it is, its stamps, its times, the statuses shown for it."""
    return [
        sa.Column("id", Id, primary_key=True),
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


def _child(name: str, *columns: sa.Column[Any] | sa.Index | sa.UniqueConstraint) -> sa.Table:
    """A table of objects below a load balancer. `seq` is the order of creation within it."""
    return sa.Table(
        name,
        metadata,
        *_object_columns(),
        sa.Column("load_balancer_id", Id, nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
        *columns,
        sa.Index(None, "load_balancer_id", "seq"),
        sa.Index(None, "project_id", "created_at", "id"),
        sa.Index(None, "created_at", "id"),
        sa.Index(None, "name"),
        sa.Index(None, "provisioning_status"),
    )


load_balancer = sa.Table(
    "load_balancer",
    metadata,
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
    sa.Index(None, "project_id", "created_at", "id"),
    sa.Index(None, "created_at", "id"),
    sa.Index(None, "name"),
    sa.Index(None, "vip_address"),
    sa.Index(None, "flavor_id"),
    sa.Index(None, "availability_zone"),
    sa.Index(None, "provisioning_status"),
    sa.Index(None, "operating_status"),
)

listener = _child(
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
    sa.UniqueConstraint("load_balancer_id", "transport", "protocol_port", "live"),
)

pool = _child(
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

member = _child(
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
    sa.UniqueConstraint("pool_id", "address", "protocol_port", "live"),
    sa.Index(None, "address"),
)

health_monitor = _child(
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
    sa.Index(None, "pool_id"),
)

l7policy = _child(
    "l7policy",
    sa.Column("description", Text, nullable=False),
    sa.Column("listener_id", Id, nullable=False),
    sa.Column("action", sa.String(32), nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("redirect_pool_id", Id),
    sa.Column("redirect_url", sa.String(255)),
    sa.Column("redirect_prefix", sa.String(255)),
    sa.Column("redirect_http_code", sa.Integer),
    sa.Index(None, "listener_id"),
    sa.Index(None, "redirect_pool_id"),
)

l7rule = _child(
    "l7rule",
    sa.Column("l7policy_id", Id, nullable=False),
    sa.Column("type", sa.String(32), nullable=False),
    sa.Column("compare_type", sa.String(16), nullable=False),
    sa.Column("value", Text, nullable=False),
    sa.Column("key", Text, quote=True),
    sa.Column("invert", sa.Boolean, nullable=False),
    sa.Index(None, "l7policy_id"),
)

tag = sa.Table(
    "tag",
    metadata,
    sa.Column("object_id", Id, primary_key=True),
    sa.Column("tag", Text, primary_key=True),
    sa.Column("load_balancer_id", Id, nullable=False),
    sa.Index(None, "tag", "object_id"),
    sa.Index(None, "load_balancer_id"),
)

lane = sa.Table(
    "lane",
    metadata,
    sa.Column("id", sa.String(128), primary_key=True),
    sa.Column("backend", sa.String(64), nullable=False),
    sa.Column("tags", Json, nullable=False),
    sa.Column("owner", sa.String(128)),
    sa.Column("fence", sa.Integer, nullable=False),
    sa.Column("beat", sa.BigInteger, nullable=False),
)
"""`owner` NULL: nobody holds the lane. `fence` counts owners, `beat` counts signs of life of the present one."""

placement = sa.Table(
    "placement",
    metadata,
    sa.Column("lane_id", sa.String(128), primary_key=True),
    sa.Column("load_balancers", sa.Integer, nullable=False),
    sa.Column("listeners", sa.Integer, nullable=False),
    sa.Column("drained", sa.Boolean, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
)
"""What a lane has been given, and `state`, whether it is fit to be given more. Written by every transaction that gives it more, so
that no two do so without knowing of each other, nor of a state that has just changed. It is no part of the lane's own row, for
there the signs of life of workers would wait for those who create."""

watch = sa.Table(
    "watch",
    metadata,
    sa.Column("id", sa.String(128), primary_key=True),
    sa.Column("owner", sa.String(128)),
    sa.Column("fence", sa.Integer, nullable=False),
    sa.Column("beat", sa.BigInteger, nullable=False),
    sa.Column("since", sa.Double, nullable=False),
    sa.Column("looked_at", sa.Double, nullable=False),
    sa.Column("devices", Json, nullable=False),
    sa.Column("load", Json, quote=True),
)
"""Who watches a lane, by the same signs of life as in `lane`, and what was seen of its devices. `since`: when its state in
`placement` last changed. `looked_at`: when `load` was written, which is so once a minute; the rest is written when it changes."""

unit = sa.Table(
    "unit",
    metadata,
    sa.Column("id", sa.String(128), primary_key=True),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("key", sa.String(128), nullable=False, quote=True),
    sa.Column("project_id", Id, nullable=False),
    sa.Column("lane_id", sa.String(128), nullable=False),
    sa.Column("backend", sa.String(64), nullable=False),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("observed", sa.Integer, nullable=False),
    sa.Column("replace", sa.Integer, nullable=False, quote=True),
    sa.Column("deleted", sa.Integer),
    sa.Column("gone_at", sa.Double),
    sa.Column("asked", sa.BigInteger, nullable=False),
    sa.Column("due_at", sa.Double),
    sa.Column("behind_since", sa.Double),
    sa.Column("rank", sa.SmallInteger, nullable=False, quote=True),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("resync", sa.Boolean, nullable=False),
    sa.Column("checked_at", sa.Double),
    sa.Column("memo", Long),
    sa.Column("accepted", Long),
    sa.Index("ix_unit_lane_due", "lane_id", "rank", "due_at"),
    sa.Index("ix_unit_lane_turn", "lane_id", "rank", "project_id", "due_at"),
    sa.Index("ix_unit_checked_at", "checked_at"),
    sa.Index("ix_unit_gone_at", "gone_at"),
    sa.Index("ix_unit_behind_since", "behind_since"),
)
"""What one pass works on. `asked` counts how often it was made due: a pass clears `due_at` only if nobody asked since it began.
`rank` orders what is due: 0 edits, 1 what was waited for, 2 drift, 3 what failed last time and goes alone; 4 is not due. In
a lane the projects (`project_id`, empty for what several share) take turns. `behind_since`: when the
oldest change was made that is not carried out yet. `checked_at` is the time of the last
pass that found or made everything as wanted. `resync`: what is on record of its carriers is not believed until a pass has settled
them. `gone_at`: confirmed deleted, kept for a while as a tombstone. `memo` holds what carriers asked to be kept, by carrier, and
`accepted` the last accepted definition, both as JSON."""

unit_need = sa.Table(
    "unit_need",
    metadata,
    sa.Column("unit_id", sa.String(128), primary_key=True),
    sa.Column("needs_id", sa.String(128), primary_key=True),
    sa.Index(None, "needs_id"),
)

carrier = sa.Table(
    "carrier",
    metadata,
    sa.Column("unit_id", sa.String(128), primary_key=True),
    sa.Column("name", sa.String(128), primary_key=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("observed", sa.Integer, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("digests", Json, nullable=False),
    sa.Column("id", Id, nullable=False),
    sa.UniqueConstraint("id"),
)
"""`id` is what the API calls a carrier that it shows: it follows from the unit and the name."""

claim = sa.Table(
    "claim",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("unit_id", sa.String(128), nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("place", sa.String(128), nullable=False),
    sa.Column("name", sa.String(128), nullable=False),
    sa.UniqueConstraint("kind", "place", "name"),
    sa.Index(None, "unit_id"),
)
"""Something held for a unit. An address: kind `address`, place the subnet, name the address."""

fault = sa.Table(
    "fault",
    metadata,
    sa.Column("unit_id", sa.String(128), primary_key=True),
    sa.Column("object_id", sa.String(128), primary_key=True),
    sa.Column("object_kind", sa.String(32), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("since", sa.Double, nullable=False),
    sa.Column("user_text", Long, nullable=False),
    sa.Column("operator_text", Long, nullable=False),
)

event = sa.Table(
    "event",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("load_balancer_id", Id, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("object_kind", sa.String(32), nullable=False),
    sa.Column("object_id", sa.String(128), nullable=False),
    sa.Column("text", Long, nullable=False),
    sa.Index(None, "load_balancer_id", "id"),
)

seen = sa.Table(
    "seen",
    metadata,
    sa.Column("unit_id", sa.String(128), primary_key=True),
    sa.Column("carrier", sa.String(128), primary_key=True),
    sa.Column("object_id", Id, primary_key=True),
    sa.Column("status", sa.String(16), nullable=False),
)
"""What a carrier last said of a member or a listener. Written only when it changes."""

statistics = sa.Table(
    "statistics",
    metadata,
    sa.Column("unit_id", sa.String(128), primary_key=True),
    sa.Column("carrier", sa.String(128), primary_key=True),
    sa.Column("listener_id", Id, primary_key=True),
    *(
        sa.Column(f"{part}_{counter}", sa.BigInteger, nullable=False)
        for part in ("kept", "last")
        for counter in ("bytes_in", "bytes_out", "total_connections", "request_errors")
    ),
    sa.Column("active_connections", sa.BigInteger, nullable=False),
)
"""Traffic counters. `last` is what the carrier said last; `kept` is what it had counted before it started anew."""

secret_use = sa.Table(
    "secret_use",
    metadata,
    sa.Column("unit_id", sa.String(128), primary_key=True),
    sa.Column("object_id", Id, primary_key=True),
    sa.Column("kind", sa.String(16), primary_key=True),
    sa.Column("ref", Text, primary_key=True),
    sa.Column("project_id", Id, nullable=False),
    sa.Column("digest", sa.String(64)),
    sa.Column("ends_at", sa.Double),
    sa.Column("part", Text),
    sa.Column("looked_at", sa.Double, nullable=False),
    sa.Column("warned", sa.SmallInteger),
    sa.Index(None, "looked_at"),
)
"""What the references of an object stood for in the last pass. `digest` NULL: it could not be read. `ends_at`: when what serves
ends to be of use; `part` names what in the file that is, where it is not the certificate itself. `looked_at`: when somebody last
looked whether there is something else now. `warned`: for how few days before the end its owner has been warned."""

_COUNTED = ("load_balancer", "listener", "pool", "member", "health_monitor", "l7policy", "l7rule")

quota = sa.Table(
    "quota",
    metadata,
    sa.Column("project_id", Text, primary_key=True),
    *(sa.Column(f"{kind}_limit", sa.Integer) for kind in _COUNTED),
    *(sa.Column(f"{kind}_used", sa.Integer, nullable=False) for kind in _COUNTED),
)
"""How many objects of each kind a project has, and how many it may have: -1 for as many as it likes, NULL for the default.
What is leaving counts until it is gone. Written by every transaction that adds objects or removes their rows, as its last one."""

offer = sa.Table(
    "offer",
    metadata,
    sa.Column("kind", sa.String(32), primary_key=True),
    sa.Column("key", Text, primary_key=True, quote=True),
    sa.Column("name", Text, nullable=False),
    sa.Column("description", Text, nullable=False),
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("profile_id", Id, nullable=False),
    sa.Column("relied_on", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("kind", "name"),
)
"""What users may choose for a load balancer: a flavor, whose key is its id, or an availability zone, whose key is its name.
`relied_on` counts transactions that need the row to stay as it is, or see to it that nobody does: each of them writes it, so that
no two go on without knowing of each other."""

offer_profile = sa.Table(
    "offer_profile",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("name", Text, nullable=False),
    sa.Column("provider_name", Text, nullable=False),
    sa.Column("data", sa.String(4096), nullable=False),
    sa.Column("relied_on", sa.BigInteger, nullable=False),
)
"""What flavors or availability zones of one provider mean to it. `data` is a JSON object, as it was written."""

meta = sa.Table(
    "meta",
    metadata,
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("value", sa.String(255), nullable=False),
)
"""Facts about the database itself: its epoch, its installation, the highest fence of a lane that was forgotten."""

children: dict[str, sa.Table] = {table.name: table for table in (listener, pool, member, health_monitor, l7policy, l7rule)}
objects: dict[str, sa.Table] = {"load_balancer": load_balancer, **children}

# MariaDB compares text as the others do: case counts, accents count, spaces at the end count.
for _table in metadata.tables.values():
    _table.kwargs.update(mysql_engine="InnoDB", mysql_charset="utf8mb4", mysql_collate="utf8mb4_nopad_bin")
