"""The settings: read once from files and the environment, checked, and passed on as plain values.

Nothing else in Bascule looks at configuration. The options are registered on an object of our own, never on the global
one of oslo.config, so that importing this package changes nothing for anybody.
"""

from __future__ import annotations

import dataclasses
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from oslo_config import cfg
from oslo_log import log

from bascule.cmd import api_options, declared, declared_options, options
from bascule.cmd.device_groups import DeviceGroupSettings
from bascule.cmd.networks import with_reserved
from bascule.cmd.values import SettingsError, values
from bascule.core.scheduler import PlaceBy
from bascule.model.definition import Network, Subnet
from bascule.model.objects import Kind
from bascule.model.rules import Deployment
from bascule.north.octavia_v2.schemas.tls import CIPHERS

ENVIRONMENT = "BASCULE_CONFIG_FILE"
"""Names the configuration files where no --config-file does; several are separated by colons."""

SYSTEM_FILE = Path("/etc/bascule/bascule.conf")


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSettings:
    """Where the database is, as an SQLAlchemy URL, and how many connections a process may have open to read and to write."""

    connection: str
    pool_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    """The HTTP API. `auth_strategy` is one of `options.AUTH_STRATEGIES`; `max_limit` is the longest page of a list.

    `allowed_hosts` are more names that it answers to where nobody is authenticated. With a `tls_certificate_file` it speaks TLS,
    and with a `tls_client_ca_file` only to clients with a certificate.
    """

    bind_host: str
    bind_port: int
    auth_strategy: str
    http_basic_auth_user_file: str
    threads: int
    allowed_hosts: tuple[str, ...]
    default_project_id: str
    max_limit: int
    tls_certificate_file: str | None
    tls_key_file: str | None
    tls_client_ca_file: str | None
    allow_tls_terminated_listeners: bool
    allow_prometheus_listeners: bool
    allow_ping_health_monitors: bool
    minimum_tls_version: str
    tls_cipher_prohibit_list: tuple[str, ...]

    @property
    def allowed(self) -> Deployment:
        """What is left to users."""
        return Deployment(
            terminated_https=self.allow_tls_terminated_listeners,
            prometheus=self.allow_prometheus_listeners,
            ping=self.allow_ping_health_monitors,
            oldest_tls=self.minimum_tls_version,
            prohibited_ciphers=frozenset(self.tls_cipher_prohibit_list),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """The workers. `lease` and `poll_interval` are in seconds."""

    lease: float
    batch: int
    poll_interval: float
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthManagerSettings:
    """The health managers. `interval` and `orphan_grace` are in seconds."""

    interval: float
    orphan_grace: float
    orphan_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HousekeepingSettings:
    """The housekeepers. Everything is in seconds."""

    interval: float
    deleted_kept: float
    events_kept: float
    drift_interval: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoringSettings:
    """Where processes tell of themselves. A process without a port does not."""

    bind_host: str
    api_port: int | None
    worker_port: int | None
    health_manager_port: int | None
    housekeeping_port: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HaproxySettings:
    """The HAProxy provider. No `binary` means: look on the PATH, then for the one installed beside Bascule."""

    binary: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class F5Settings:
    """The F5 provider: how traffic is carried, and when devices save, in seconds after a change."""

    snat: str
    snat_pool: str | None
    regular_expressions: bool
    save_interval: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificatesSettings:
    """Where certificates lie: one folder per project below `directory`."""

    directory: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set, and the files in which it was. `error_after` is in seconds."""

    config_files: tuple[str, ...]
    state_dir: Path
    transport_url: str | None
    error_after: float
    enabled_providers: tuple[str, ...]
    default_provider: str
    place_by: PlaceBy
    network_driver: str
    subnets: tuple[Subnet, ...]
    device_groups: tuple[DeviceGroupSettings, ...]
    networks: Mapping[str, Mapping[str, Network]]
    """Those of device groups with the network_driver static: by the group's name and the network's id."""
    database: DatabaseSettings
    api: ApiSettings
    worker: WorkerSettings
    health_manager: HealthManagerSettings
    housekeeping: HousekeepingSettings
    monitoring: MonitoringSettings
    quotas: Mapping[Kind, int]
    """How many objects of a kind a project may have for which nobody has said so otherwise; -1 for as many as it wants."""
    haproxy: HaproxySettings
    f5: F5Settings
    certificates: CertificatesSettings

    @property
    def runtime_dir(self) -> Path:
        """The directory of the sockets."""
        return self.state_dir / "run"


def load(config_files: Sequence[str] | None = None) -> Settings:
    """The settings from these files; without any, from those that the environment names, or the system's, or defaults.

    Raises SettingsError.
    """
    return plain(read(config_files))


def read(config_files: Sequence[str] | None = None) -> cfg.ConfigOpts:
    """The options as oslo.config sees them, for the libraries that want them so. Raises SettingsError."""
    conf = cfg.ConfigOpts()
    log.register_options(conf)
    options.register(conf)
    # As a default, so that values of other options can say $state_dir.
    conf.set_default("state_dir", str(_default_state_dir()).replace("$", "$$"))
    found = files(config_files)
    try:
        conf(args=[], project="bascule", default_config_files=list(found), default_config_dirs=[])
    except (cfg.Error, ValueError, OSError) as error:
        raise SettingsError(str(error)) from error
    for owner, names in values(conf, None, declared_options.KINDS).items():
        for name in names:
            declared_options.register(conf, owner, name)
    _refuse_unknown(conf, found)
    return conf


def files(config_files: Sequence[str] | None = None) -> tuple[str, ...]:
    """The files that settings are read from, as absolute paths."""
    if not config_files:
        config_files = [name for name in os.environ.get(ENVIRONMENT, "").split(os.pathsep) if name]
    if not config_files and SYSTEM_FILE.exists():
        config_files = [str(SYSTEM_FILE)]
    return tuple(str(Path(name).expanduser().absolute()) for name in config_files)


def plain(conf: cfg.ConfigOpts) -> Settings:
    """Check every option and give all of them as plain values. Raises SettingsError."""
    top = values(
        conf,
        None,
        ("state_dir", "transport_url", "error_after", "enabled_providers", "default_provider", "place_by", "network_driver"),
    )
    state_dir = Path(top["state_dir"]).expanduser().absolute()
    providers = top["enabled_providers"]
    if top["default_provider"] not in providers:
        allowed = ", ".join(providers)
        raise SettingsError(f"[DEFAULT] default_provider: {top['default_provider']} is not enabled; enabled: {allowed}")
    database = values(conf, "database", _names(DatabaseSettings))
    api = _api(conf)
    for group, found in api_options.GROUPS.items():
        values(conf, group, [option.dest for option in found])
    directory = values(conf, "certificates", ("directory",))["directory"]
    database["connection"] = _database_url(database["connection"], state_dir)
    subnets = declared.no_subnets(conf, providers) if top["network_driver"] == "noop" else declared.subnets(conf, api.bind_host)
    device_groups = declared.device_groups(conf, providers)
    networks = declared.networks(conf, device_groups, subnets)
    return Settings(
        config_files=tuple(conf.default_config_files),  # as they are: the option would look for "$" in their paths
        state_dir=state_dir,
        transport_url=top["transport_url"],
        error_after=top["error_after"],
        enabled_providers=providers,
        default_provider=top["default_provider"],
        place_by=PlaceBy(top["place_by"]),
        network_driver=top["network_driver"],
        subnets=with_reserved(subnets, [network for found in networks.values() for network in found.values()]),
        device_groups=device_groups,
        networks=networks,
        database=DatabaseSettings(**database),
        api=api,
        worker=_worker(conf),
        health_manager=_group(conf, HealthManagerSettings, "health_manager"),
        housekeeping=_group(conf, HousekeepingSettings, "housekeeping"),
        monitoring=_group(conf, MonitoringSettings, "monitoring"),
        quotas=_quotas(conf),
        haproxy=_group(conf, HaproxySettings, "haproxy"),
        f5=_f5(conf),
        certificates=CertificatesSettings(directory=Path(directory or state_dir / "certificates").expanduser().absolute()),
    )


T = TypeVar("T")


def _group(conf: cfg.ConfigOpts, kind: type[T], group: str) -> T:
    """A dataclass whose fields have the names of the options of a group."""
    return kind(**values(conf, group, _names(kind)))


def _names(kind: type[Any]) -> list[str]:
    return [field.name for field in dataclasses.fields(kind)]


def _api(conf: cfg.ConfigOpts) -> ApiSettings:
    found = _group(conf, ApiSettings, "api")
    if bool(found.tls_certificate_file) != bool(found.tls_key_file):
        raise SettingsError("[api] tls_certificate_file, tls_key_file: one needs the other")
    if found.tls_client_ca_file and not found.tls_certificate_file:
        raise SettingsError("[api] tls_client_ca_file: it needs tls_certificate_file")
    if usual := sorted(set(found.tls_cipher_prohibit_list) & set(CIPHERS.split(":"))):
        raise SettingsError(f"[api] tls_cipher_prohibit_list: {', '.join(usual)} is used where no ciphers are named")
    return found


def _worker(conf: cfg.ConfigOpts) -> WorkerSettings:
    found = _group(conf, WorkerSettings, "worker")
    return dataclasses.replace(found, tags=tuple(dict.fromkeys((socket.gethostname(), *found.tags))))


def _quotas(conf: cfg.ConfigOpts) -> dict[Kind, int]:
    found = values(conf, "quotas", options.QUOTAS.values())
    return {kind: found[name] for kind, name in options.QUOTAS.items()}


def _default_state_dir() -> Path:
    if os.geteuid() == 0:
        return Path("/var/lib/bascule")
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "bascule"


def _database_url(connection: str | None, state_dir: Path) -> str:
    """The URL that was set, or else that of a file in the state directory."""
    default = sa.URL.create("sqlite", database=str(state_dir / "bascule.sqlite"))
    return connection or default.render_as_string()


def _f5(conf: cfg.ConfigOpts) -> F5Settings:
    found = _group(conf, F5Settings, "f5")
    if found.snat == "pool" and not found.snat_pool:
        raise SettingsError("[f5] snat_pool: it must be given where snat is pool, such as /Common/outside")
    return found


def _refuse_unknown(conf: cfg.ConfigOpts, config_files: Sequence[str]) -> None:
    """A misspelt option would silently keep its default, so it is an error."""
    known = options.names({owner: conf[owner] for owner in declared_options.KINDS})
    known["DEFAULT"] = set(conf) - set(known)
    for file in config_files:
        sections: dict[str, dict[str, Any]] = {}
        cfg.ConfigParser(file, sections).parse()
        for section, found in sections.items():
            for name in found if section not in options.PASSED_ON else ():
                if name.replace("-", "_") not in known.get(section, ()):
                    raise SettingsError(f"[{section}] {name}: {file} sets it, but {_why_unknown(section, known)}")


def _why_unknown(section: str, known: Mapping[str, set[str]]) -> str:
    if section in known:
        return f"the options of this section are: {', '.join(sorted(known[section]))}"
    for owner, (kind, _) in declared_options.KINDS.items():
        if section.startswith(f"{kind}:"):
            return f"{owner} in [DEFAULT] does not name this {kind.replace('_', ' ')}"
    return f"the sections are: {', '.join(known)}"
