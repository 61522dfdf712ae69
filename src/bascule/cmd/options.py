"""Every option that there is: its name, what it means, what is allowed and what it is when nobody says anything."""

from __future__ import annotations

from collections.abc import Sequence

from oslo_config import cfg, types
from oslo_policy import opts as policy_opts

from bascule.core.scheduler import PlaceBy
from bascule.model.rules.deployment import TLS_VERSIONS

PROVIDERS = ("f5", "haproxy", "memory")

AUTH_STRATEGIES = ("none", "http_basic", "keystone")

PASSED_ON = frozenset({"keystone_authtoken", "oslo_messaging_rabbit"})
"""Sections that belong to libraries. Which options there are in them depends on what these load."""

SUBNET_PREFIX = "subnet:"
DEVICE_GROUP_PREFIX = "device_group:"
NETWORK_PREFIX = "network:"

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

_API = [
    cfg.IPOpt(
        "bind_host",
        default="127.0.0.1",
        help="Address that bascule-api listens on. Without authentication only a loopback address is accepted.",
    ),
    cfg.StrOpt(
        "auth_strategy",
        default="none",
        choices=AUTH_STRATEGIES,
        help="How callers say who they are. 'none': not at all, so everybody who can connect may do everything. 'http_basic': with "
        "the names and passwords of http_basic_auth_user_file. 'keystone': with tokens of the Keystone that [keystone_authtoken] "
        "describes, as in every OpenStack service.",
    ),
    cfg.StrOpt(
        "http_basic_auth_user_file",
        default="/etc/bascule/htpasswd",
        help="With http_basic: file of users, with a line NAME:HASH:PROJECT=ROLE,ROLE for each, and more projects after "
        "semicolons. 'bascule hash-password' makes the hash. It is read again whenever it has changed.",
    ),
    cfg.PortOpt("bind_port", default=9876, min=1, help="Port that bascule-api listens on."),
    cfg.IntOpt("threads", default=4, min=1, max=256, help="Requests that one bascule-api works on at a time."),
    cfg.ListOpt(
        "allowed_hosts",
        default=[],
        item_type=_WORD,
        help="Names in the Host header that the API answers to, without port, besides localhost and loopback addresses.",
    ),
    cfg.StrOpt(
        "default_project_id",
        default="00000000000000000000000000000000",
        regex=r"^[A-Za-z0-9_-]{1,36}$",
        help="Without authentication: the project of requests that name none.",
    ),
    cfg.IntOpt("max_limit", default=1000, min=1, max=10000, help="Most objects that one page of a list has."),
    cfg.BoolOpt("allow_tls_terminated_listeners", default=True, help="Whether listeners of TERMINATED_HTTPS can be made."),
    cfg.BoolOpt("allow_prometheus_listeners", default=True, help="Whether listeners of PROMETHEUS can be made."),
    cfg.BoolOpt("allow_ping_health_monitors", default=True, help="Whether health monitors of type PING can be made."),
    cfg.StrOpt(
        "minimum_tls_version",
        default=TLS_VERSIONS[0],
        choices=TLS_VERSIONS[:-1],
        help="Oldest version of TLS that listeners and pools can be set to. Those that name none speak TLSv1.2 and TLSv1.3.",
    ),
    cfg.ListOpt(
        "tls_cipher_prohibit_list",
        default=[],
        item_type=_WORD,
        help="Ciphers, by OpenSSL's names, that no tls_ciphers may name. None of those can be among them that listeners and pools "
        "have by default.",
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

_SUBNET = [
    cfg.StrOpt("cidr", help="The subnet's addresses, such as 192.0.2.0/24."),
    cfg.StrOpt("id", help="UUID of the subnet. Without it, one that follows from the name."),
    cfg.StrOpt("network_id", help="UUID of the subnet's network. Without it, one that follows from the name."),
    cfg.StrOpt("first", help="First address that is given to VIPs. Without it, the subnet's first host address."),
    cfg.StrOpt("last", help="Last address that is given to VIPs. Without it, the subnet's last host address."),
    cfg.StrOpt("gateway", help="Address of the subnet's router, where there is one."),
    cfg.BoolOpt("vips", default=False, help="Whether VIPs may lie in this subnet."),
    cfg.BoolOpt(
        "members",
        default=False,
        help="Whether members may lie in this subnet. Users can then send traffic to every address in it, so it must "
        "not hold anything of the control plane.",
    ),
]

_DEVICE_GROUP = [
    cfg.ListOpt(
        "urls",
        default=[],
        item_type=types.String(regex=r"^https://[^\s/@?#]+/?$"),
        help="Management addresses of the devices that act as one, such as https://192.0.2.10, https://192.0.2.11.",
    ),
    cfg.StrOpt("username", default="admin", help="User to log in with, on all devices. It needs the role of an administrator."),
    cfg.StrOpt("password_file", help="File that holds nothing but the user's password."),
    cfg.StrOpt(
        "ca_file", help="File with the certificates that the devices' own must be signed by. Without it, those of this machine."
    ),
    cfg.BoolOpt(
        "verify",
        default=True,
        help="Whether a device must show a valid certificate. If not, anybody between here and it can read and change all.",
    ),
    cfg.StrOpt(
        "sync_group",
        regex=r"^/[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$",
        help="What the devices call their sync-failover group, such as /Common/pair, where they are to be synchronized after "
        "every change. Not needed where they synchronize by themselves.",
    ),
    cfg.StrOpt("availability_zone", help="The availability zone that the devices are in. Without it, they are in none."),
    cfg.IntOpt(
        "max_load_balancers",
        min=0,
        help="Most load balancers that are placed here. Without it, as many as AS3 has names for: somewhat more than 4,600.",
    ),
    cfg.StrOpt(
        "network_driver",
        default="none",
        choices=[
            ("none", "nothing is made: traffic is routed to the devices, or the operator configures them"),
            ("static", "networks are made as the sections [network:NAME] describe them"),
        ],
        help="Who makes VLANs, route domains, self IPs and routes on the devices.",
    ),
    cfg.ListOpt(
        "tags",
        default=[],
        item_type=_WORD,
        help="Only workers and health managers that have all these tags serve the devices. Without any, all do.",
    ),
]

_NETWORK = [
    cfg.StrOpt("device_group", help="Name of the device group that the network is made on."),
    cfg.StrOpt("network_id", help="UUID of the network, as its subnets have it. Without it, one that follows from the name."),
    cfg.IntOpt("vlan", min=1, max=4094, help="The network's VLAN tag."),
    cfg.StrOpt("interface", regex=r"^[A-Za-z0-9_.-]+$", help="Interface or trunk of the devices that the VLAN is on, tagged: 1.1."),
    cfg.IntOpt("mtu", default=1500, min=576, max=9198, help="Most bytes of a packet."),
    cfg.IntOpt(
        "route_domain",
        min=0,
        max=65534,
        help="Id of the network's route domain, which no other network has. Without it, the VLAN tag. 0 is the one that every "
        "device has; its default routes are left to the operator.",
    ),
    cfg.ListOpt(
        "self_ips",
        default=[],
        help="The devices' own addresses: in each subnet for VIPs one for each device, in the order of the device group's urls. "
        "Other subnets of the network may go without, and are then reached through the VLAN.",
    ),
]

SUBNET_NAMES = tuple(option.dest for option in _SUBNET)
DEVICE_GROUP_NAMES = tuple(option.dest for option in _DEVICE_GROUP)
NETWORK_NAMES = tuple(option.dest for option in _NETWORK)

_GROUPS: dict[str, Sequence[cfg.Opt]] = {
    "database": _DATABASE,
    "api": _API,
    "worker": _WORKER,
    "health_manager": _HEALTH_MANAGER,
    "housekeeping": _HOUSEKEEPING,
    "monitoring": _MONITORING,
    "haproxy": _HAPROXY,
    "f5": _F5,
    "certificates": _CERTIFICATES,
}


def register(conf: cfg.ConfigOpts) -> None:
    """Make the options known. Those of a subnet follow once the names of the subnets are known."""
    conf.register_opts(_GENERAL)
    for group, options in _GROUPS.items():
        conf.register_opts(options, group=group)
    for group, found in policy_opts.list_opts():
        conf.register_opts(found, group=group)


def register_subnet(conf: cfg.ConfigOpts, name: str) -> None:
    """Make the options of one declared subnet known."""
    conf.register_opts(_SUBNET, group=subnet_group(name))


def register_device_group(conf: cfg.ConfigOpts, name: str) -> None:
    """Make the options of one declared device group known."""
    conf.register_opts(_DEVICE_GROUP, group=device_group(name))


def register_network(conf: cfg.ConfigOpts, name: str) -> None:
    """Make the options of one declared network known."""
    conf.register_opts(_NETWORK, group=network(name))


def names(subnets: Sequence[str], device_groups: Sequence[str], networks: Sequence[str]) -> dict[str, set[str]]:
    """The names of the options of every section but [DEFAULT], for subnets, device groups and networks of these names."""
    declared = {subnet_group(name): _SUBNET for name in subnets} | {device_group(name): _DEVICE_GROUP for name in device_groups}
    groups = {**_GROUPS, **dict(policy_opts.list_opts()), **declared, **{network(name): _NETWORK for name in networks}}
    return {group: {option.dest for option in found} for group, found in groups.items()}


def subnet_group(name: str) -> str:
    """The section that describes a subnet."""
    return f"{SUBNET_PREFIX}{name}"


def device_group(name: str) -> str:
    """The section that describes a device group."""
    return f"{DEVICE_GROUP_PREFIX}{name}"


def network(name: str) -> str:
    """The section that describes a network."""
    return f"{NETWORK_PREFIX}{name}"


def list_opts() -> list[tuple[cfg.OptGroup | None, list[cfg.Opt]]]:
    """The options for oslo-config-generator and oslo-config-validator."""
    subnet = cfg.OptGroup(f"{SUBNET_PREFIX}name", dynamic_group_owner="subnets")
    groups = [(cfg.OptGroup(name), list(options)) for name, options in _GROUPS.items()]
    devices = cfg.OptGroup(f"{DEVICE_GROUP_PREFIX}name", dynamic_group_owner="device_groups")
    networks = cfg.OptGroup(f"{NETWORK_PREFIX}name", dynamic_group_owner="networks")
    declared = [(subnet, list(_SUBNET)), (devices, list(_DEVICE_GROUP)), (networks, list(_NETWORK))]
    return [(None, list(_GENERAL)), *groups, *declared]
