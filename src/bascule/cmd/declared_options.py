"""The options of sections that describe one thing of several, such as a subnet, and are named after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from oslo_config import cfg, types

_WORD = types.String(regex=r"^\S+$")

SUBNET = [
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

DEVICE_GROUP = [
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

NETWORK = [
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

KINDS: Mapping[str, tuple[str, Sequence[cfg.Opt]]] = {
    "subnets": ("subnet", SUBNET),
    "device_groups": ("device_group", DEVICE_GROUP),
    "networks": ("network", NETWORK),
}
"""For each option of [DEFAULT] that names such things: how their sections begin, and the options in them."""


def register(conf: cfg.ConfigOpts, owner: str, name: str) -> None:
    """Make the options of one thing known that the option `owner` names."""
    conf.register_opts(KINDS[owner][1], group=section(owner, name))


def section(owner: str, name: str) -> str:
    """The section that describes a thing that the option `owner` names."""
    return f"{KINDS[owner][0]}:{name}"


def names(owner: str) -> list[str]:
    """The names of the options in such a section."""
    return [option.dest for option in KINDS[owner][1]]


def sample() -> list[tuple[cfg.OptGroup, Sequence[cfg.Opt]]]:
    """All of them, for the sample."""
    return [(cfg.OptGroup(section(owner, "name"), dynamic_group_owner=owner), KINDS[owner][1]) for owner in KINDS]
