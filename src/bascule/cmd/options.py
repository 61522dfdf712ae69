"""Every option that there is: its name, what it means, what is allowed and what it is when nobody says anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from oslo_config import cfg, types
from oslo_policy import opts as policy_opts

from bascule.cmd import api_options, declared_options
from bascule.core.scheduler import PlaceBy
from bascule.model.objects import Kind

PROVIDERS = ("f5", "haproxy", "memory")

PASSED_ON = frozenset({"keystone_authtoken", "oslo_messaging_rabbit"})
"""Sections that belong to libraries. Which options there are in them depends on what these load."""

_NAME = types.String(regex=r"^[a-z0-9][a-z0-9_.-]{0,62}$")
_WORD = types.String(regex=r"^\S+$")

_GENERAL = [
    cfg.StrOpt(
        "state_dir",
        sample_default="/var/lib/bascule",
        help="Directory for what must outlive a restart: the SQLite database, the files of the running HAProxys, "
        "certificates. Made if it is missing. The default is /var/lib/bascule for root, else ~/.local/state/bascule. "
        "Sockets of Bascule's own lie in its folder 'run', which nobody else may read.",
    ),
    cfg.StrOpt(
        "transport_url",
        secret=True,
        regex=r"^rabbit://\S+$",
        help="RabbitMQ by which workers of other machines hear of edits at once: rabbit://USER:PASSWORD@HOST:5672/VHOST, several "
        "brokers as rabbit://USER:PASSWORD@HOST1:5672,USER:PASSWORD@HOST2:5672/VHOST. Needs the extra 'rabbitmq'. Without it, "
        "or while it is away, they hear of them when they look by themselves, every poll_interval.",
    ),
    cfg.FloatOpt(
        "error_after",
        default=600.0,
        min=0,
        help="Seconds after which an object shows ERROR while a change keeps failing for reasons that may pass. Trying goes on.",
    ),
    cfg.ListOpt(
        "enabled_providers",
        default=["haproxy"],
        item_type=types.String(choices=PROVIDERS),
        help="What may carry load balancers. 'haproxy': HAProxy processes on this machine. 'f5': F5 BIG-IP devices, those of "
        "device_groups. 'memory': nothing but a record in memory, for measuring and for trying out the API.",
    ),
    cfg.StrOpt("default_provider", default="haproxy", help="The provider of load balancers that name none."),
    cfg.StrOpt(
        "place_by",
        default=str(PlaceBy.LOAD_BALANCERS),
        choices=[str(each) for each in PlaceBy],
        help="Where a provider has several places for a new load balancer, such as device groups, the one with the fewest of "
        "these gets it.",
    ),
    cfg.StrOpt(
        "network_driver",
        default="declared",
        choices=[
            ("declared", "the subnets that 'subnets' names, and no ports"),
            (
                "noop",
                "whatever a request names, and members anywhere but at loopback, link-local and multicast addresses. For trying "
                "out the API: only the provider 'memory' can be enabled beside it",
            ),
        ],
        help="Which networks, subnets and ports there are for VIPs and members.",
    ),
    cfg.ListOpt(
        "subnets",
        default=[],
        item_type=_NAME,
        help="Names of the subnets for VIPs and members; each is described in a section [subnet:NAME]. Without any, "
        "there is one for VIPs, 127.10.0.0/16, and none for members.",
    ),
    cfg.ListOpt(
        "device_groups",
        default=[],
        item_type=_NAME,
        help="Names of the groups of BIG-IP devices that carry load balancers of the provider f5; each is described in a "
        "section [device_group:NAME]. A name must stay: it is where a load balancer is said to be.",
    ),
    cfg.ListOpt(
        "networks",
        default=[],
        item_type=_NAME,
        help="Names of the networks that are made on device groups with the network_driver static; each is described in a "
        "section [network:NAME].",
    ),
]

_DATABASE = [
    cfg.StrOpt(
        "connection",
        secret=True,
        sample_default="sqlite:///$state_dir/bascule.sqlite",
        help="SQLAlchemy URL of the database: sqlite:////PATH, postgresql+psycopg://USER:PASSWORD@HOST/NAME or "
        "mysql+pymysql://USER:PASSWORD@HOST/NAME.",
    ),
    cfg.IntOpt(
        "pool_size",
        default=8,
        min=1,
        max=1000,
        help="Connections that one process may have open at a time to read, and as many to write.",
    ),
]

_WORKER = [
    cfg.FloatOpt(
        "lease",
        default=15.0,
        min=1,
        max=3600,
        help="Seconds without a sign of life after which a worker's lane is taken over by another worker.",
    ),
    cfg.IntOpt("batch", default=50, min=1, max=1000, help="Most load balancers that one pass works on in a lane."),
    cfg.FloatOpt(
        "poll_interval",
        default=1.0,
        min=0.01,
        max=3600,
        help="Seconds after which a worker looks for work even if nobody woke it up.",
    ),
    cfg.ListOpt(
        "tags",
        default=[],
        item_type=_WORD,
        help="Tags of lanes, such as hosts and sites, that workers and health managers with these settings can reach, "
        "besides the name of the host they run on.",
    ),
]

_HEALTH_MANAGER = [
    cfg.FloatOpt("interval", default=2.0, min=0.1, max=3600, help="Seconds between two looks at what the data planes see."),
    cfg.FloatOpt(
        "orphan_grace",
        default=3600.0,
        min=0,
        help="Seconds after which a tenant of ours on a BIG-IP that belongs to no load balancer in the database is removed.",
    ),
    cfg.FloatOpt(
        "orphan_share",
        default=0.1,
        min=0,
        max=1,
        help="Largest share of our tenants of a device group that is removed so, at least one. If there are more such, none is: "
        "it may not be the right database. 0: none ever.",
    ),
]

_HOUSEKEEPING = [
    cfg.FloatOpt(
        "interval",
        default=60.0,
        min=0.1,
        max=86400,
        help="Seconds between two rounds of housekeeping, and until a renewed certificate is noticed.",
    ),
    cfg.FloatOpt(
        "deleted_kept",
        default=604800.0,
        min=0,
        help="Seconds for which deleted load balancers and their events are kept.",
    ),
    cfg.FloatOpt(
        "events_kept",
        default=7776000.0,
        min=0,
        help="Seconds for which events are kept at most, also those of load balancers that are there: 90 days.",
    ),
    cfg.FloatOpt(
        "drift_interval",
        default=3600.0,
        min=1,
        help="Seconds after which a load balancer is compared with what carries it, even if nothing happened to it.",
    ),
]

_MONITORING = [
    cfg.IPOpt(
        "bind_host",
        default="127.0.0.1",
        help="Address at which processes tell of themselves to whoever can connect: GET /metrics for Prometheus, GET /healthcheck.",
    ),
    *(
        cfg.PortOpt(f"{process}_port", min=1, help=f"Port of {name} for that. Without it, the process tells nothing.")
        for process, name in (
            ("api", "bascule-api"),
            ("worker", "bascule-worker"),
            ("health_manager", "bascule-health-manager"),
            ("housekeeping", "bascule-housekeeping"),
        )
    ),
]

QUOTAS = {kind: f"default_{kind}_quota" for kind in Kind}

_QUOTAS = [
    cfg.IntOpt(
        name,
        default=-1,
        min=-1,
        max=2_000_000_000,
        help=f"Most objects of this kind, {kind.replace('_', ' ')}, in a project for which the API has set no quota; -1: no limit.",
    )
    for kind, name in QUOTAS.items()
]

_HAPROXY = [
    cfg.StrOpt(
        "binary",
        help="Path of the haproxy program. Without it, the one on the PATH, or else the one of the extra 'demo'.",
    ),
]

_F5 = [
    cfg.StrOpt(
        "snat",
        default="automap",
        choices=["automap", "self", "pool"],
        help="Which address a member sees as the client's. 'automap': a self IP of the device. 'self': the VIP. 'pool': one of "
        "snat_pool.",
    ),
    cfg.StrOpt(
        "snat_pool",
        regex=r"^/[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+$",
        help="Full path of a SNAT pool on the devices, such as /Common/outside. Needed where snat is pool.",
    ),
    cfg.BoolOpt(
        "regular_expressions",
        default=False,
        help="Whether L7 rules may hold regular expressions. They run in the data plane that all users share: one that takes "
        "long holds up everybody.",
    ),
    cfg.FloatOpt(
        "save_interval",
        default=60.0,
        min=0,
        help="Seconds after a change until the devices write their running configuration to disk, with all changes made meanwhile.",
    ),
]

_CERTIFICATES = [
    cfg.StrOpt(
        "directory",
        sample_default="$state_dir/certificates",
        help="Directory of certificates: DIRECTORY/PROJECT_ID/NAME is a PEM file, for a listener one with certificate, chain "
        "and key, and a load balancer of that project refers to it as NAME.",
    ),
]

_GROUPS: dict[str, Sequence[cfg.Opt]] = {
    "database": _DATABASE,
    **api_options.GROUPS,
    "worker": _WORKER,
    "health_manager": _HEALTH_MANAGER,
    "housekeeping": _HOUSEKEEPING,
    "monitoring": _MONITORING,
    "quotas": _QUOTAS,
    "haproxy": _HAPROXY,
    "f5": _F5,
    "certificates": _CERTIFICATES,
}


def register(conf: cfg.ConfigOpts) -> None:
    """Make the options known. Those of declared sections follow once it is known what is declared."""
    conf.register_opts(_GENERAL)
    for group, options in _GROUPS.items():
        conf.register_opts(options, group=group)
    for group, found in policy_opts.list_opts():
        conf.register_opts(found, group=group)


def names(declared: Mapping[str, Sequence[str]]) -> dict[str, set[str]]:
    """The names of the options of every section but [DEFAULT]. `declared` gives what an option of [DEFAULT] names."""
    groups = {**_GROUPS, **dict(policy_opts.list_opts())}
    found = {group: {option.dest for option in options} for group, options in groups.items()}
    for owner, each in declared.items():
        found |= {declared_options.section(owner, name): set(declared_options.names(owner)) for name in each}
    return found


def list_opts() -> list[tuple[cfg.OptGroup | None, list[cfg.Opt]]]:
    """The options for oslo-config-generator and oslo-config-validator."""
    groups = [(cfg.OptGroup(name), options) for name, options in _GROUPS.items()]
    return [(None, list(_GENERAL)), *((group, list(found)) for group, found in [*groups, *declared_options.sample()])]
