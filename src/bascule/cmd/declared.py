"""What is declared in sections of its own: subnets, device groups, networks, as checked values."""

from __future__ import annotations

from collections.abc import Sequence

from oslo_config import cfg

from bascule.cmd import declared_options
from bascule.cmd.declared_options import section
from bascule.cmd.device_groups import DeviceGroupError, DeviceGroupSettings
from bascule.cmd.device_groups import declared as device_group
from bascule.cmd.networks import NetworkError, clash
from bascule.cmd.networks import declared as declared_network
from bascule.cmd.subnets import SubnetError, built_in, overlap
from bascule.cmd.subnets import declared as declared_subnet
from bascule.cmd.values import SettingsError, values
from bascule.model.definition import Network, Subnet


def subnets(conf: cfg.ConfigOpts, api_address: str) -> tuple[Subnet, ...]:
    """The declared subnets; where none is declared, the built-in one. Members must not be able to be the API itself."""
    if not conf.subnets:
        return (built_in(),)
    found: dict[str, Subnet] = {}
    for name in conf.subnets:
        where = section("subnets", name)
        try:
            subnet = declared_subnet(name, values(conf, where, declared_options.names("subnets")), api_address)
        except SubnetError as error:
            raise SettingsError(f"[{where}] {error.option}: {error}") from error
        if subnet.id in found:
            raise SettingsError(f"[{where}] id: {subnet.id} is also the id of subnet {found[subnet.id].name}")
        for other in found.values():
            if subnet.vips and other.vips and overlap(subnet, other):
                raise SettingsError(f"[{where}] cidr: {subnet.cidr} overlaps {other.cidr} of subnet {other.name}; VIPs would clash")
        found[subnet.id] = subnet
    return tuple(found.values())


def no_subnets(conf: cfg.ConfigOpts, providers: Sequence[str]) -> tuple[Subnet, ...]:
    """Members may lie nearly anywhere with `noop`, so nothing that carries traffic can be enabled beside it."""
    if providers != ("memory",):
        raise SettingsError(f"[DEFAULT] network_driver: noop is for the provider memory alone; enabled: {', '.join(providers)}")
    if conf.subnets:
        raise SettingsError("[DEFAULT] subnets: with the network_driver noop, every subnet is there; none can be declared")
    return ()


def device_groups(conf: cfg.ConfigOpts, providers: Sequence[str]) -> tuple[DeviceGroupSettings, ...]:
    """The declared device groups. A device belongs to one of them."""
    found: list[DeviceGroupSettings] = []
    for name in dict.fromkeys(conf.device_groups):
        where = section("device_groups", name)
        try:
            group = device_group(name, values(conf, where, declared_options.names("device_groups")))
        except DeviceGroupError as error:
            raise SettingsError(f"[{where}] {error.option}: {error}") from error
        for other in found:
            if both := set(group.urls) & set(other.urls):
                raise SettingsError(f"[{where}] urls: {', '.join(sorted(both))} is also in the device group {other.name}")
        found.append(group)
    if "f5" in providers and not found:
        raise SettingsError("[DEFAULT] device_groups: the provider f5 is enabled and needs at least one")
    return tuple(found)


def networks(conf: cfg.ConfigOpts, groups: Sequence[DeviceGroupSettings], known: Sequence[Subnet]) -> dict[str, dict[str, Network]]:
    """The declared networks of each device group that has to have some."""
    found: dict[str, dict[str, Network]] = {group.name: {} for group in groups if group.network_driver == "static"}
    for name in dict.fromkeys(conf.networks):
        where = section("networks", name)
        try:
            group, network = declared_network(name, values(conf, where, declared_options.names("networks")), groups, known)
            for other in found[group].values():
                if (problem := clash(network, other)) is not None:
                    raise problem
        except NetworkError as error:
            raise SettingsError(f"[{where}] {error.option}: {error}") from error
        found[group][network.id] = network
    for group, some in found.items():
        if not some:
            where = section("device_groups", group)
            raise SettingsError(f"[{where}] network_driver: static needs at least one [network:NAME] of the group")
    return found
