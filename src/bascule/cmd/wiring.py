"""The one module that knows everybody: it makes the parts from the settings and puts them together."""

from __future__ import annotations

import atexit
import os
import socket
import stat
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from oslo_config import cfg

from bascule.cmd.process import StartError
from bascule.cmd.settings import ApiSettings, Settings
from bascule.cmd.values import SettingsError
from bascule.core import orphans as orphanage
from bascule.core.amphorae import Amphorae
from bascule.core.certificates import CertificateLibrary
from bascule.core.health_manager import HealthManager
from bascule.core.housekeeping import Housekeeping, Intervals
from bascule.core.networks import Declared, NetworkDriver, Routed
from bascule.core.offers import Offers
from bascule.core.passes import Passes
from bascule.core.quotas import Quotas
from bascule.core.reader import Reader
from bascule.core.recorder import Recorder, Timing
from bascule.core.resolve import Resolver
from bascule.core.subnets import AnySubnets, Subnets
from bascule.core.wakeup import Sleeper, Waker
from bascule.core.worker import Worker
from bascule.core.writer import Writer
from bascule.model.backend import Backend, Reads
from bascule.model.errors import Away
from bascule.model.offers import OfferKind
from bascule.south.as3 import AS3Backend, Options, Site, Snat, lane_of
from bascule.south.haproxy import BinaryNotFound, HAProxyBackend, find_binary
from bascule.south.memory import MemoryBackend
from bascule.store import migrate
from bascule.store.engine import Database

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

    from bascule.core.broker import Broker

WAKE = "wake"
"""The folder of the runtime directory in which workers listen for wake-ups."""


def make_directories(settings: Settings) -> None:
    """Make the directories of the settings. Raises SettingsError where others may look into the one for sockets."""
    for directory in (settings.state_dir, settings.runtime_dir):
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(f"[DEFAULT] state_dir: {directory} cannot be made: {error.strerror}") from error
    found = settings.runtime_dir.stat()
    if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise SettingsError(
            f"[DEFAULT] state_dir: {settings.runtime_dir} must belong to user {os.geteuid()} with mode 0700; "
            f"it belongs to user {found.st_uid} with mode {stat.S_IMODE(found.st_mode):04o}"
        )


def checked_database(settings: Settings) -> Database:
    """The database, which is there and up to date. Raises SettingsError or StartError."""
    return _with_database(settings, migrate.check)


def upgraded_database(settings: Settings) -> Database:
    """The database, which is there and has been brought up to date. Raises SettingsError or StartError."""
    return _with_database(settings, migrate.upgrade)


def _with_database(settings: Settings, prepare: Callable[[Database], None]) -> Database:
    make_directories(settings)
    try:
        made = Database(settings.database.connection, pool_size=settings.database.pool_size)
    except (ValueError, OSError, ImportError) as error:
        raise SettingsError(f"[database] connection: {error}") from error
    try:
        prepare(made)
    except migrate.Outdated as error:
        raise StartError(str(error)) from error
    except Away as error:
        raise StartError(f"[database] connection: {error}") from error
    except sa.exc.DBAPIError as error:
        raise StartError(f"[database] connection: the database cannot be used: {error.orig}") from error
    return made


def backends(settings: Settings) -> dict[str, Backend]:
    """The enabled providers by name."""
    makers: dict[str, Callable[[Settings], Backend]] = {"f5": _f5, "haproxy": _haproxy, "memory": _memory}
    return {name: makers[name](settings) for name in settings.enabled_providers}


def _f5(settings: Settings) -> Backend:
    chosen = settings.f5
    options = Options(snat=Snat(chosen.snat), snat_pool=chosen.snat_pool or "", regular_expressions=chosen.regular_expressions)
    sites = [
        Site(
            group=each.connect(),
            sync_group=each.sync_group,
            tags=each.tags,
            max_load_balancers=each.max_load_balancers,
            availability_zone=each.availability_zone,
            networks=each.network_driver != "none",
        )
        for each in settings.device_groups
    ]
    made = AS3Backend(sites, options, save_interval=chosen.save_interval)
    atexit.register(made.close)
    return made


def _haproxy(settings: Settings) -> Backend:
    try:
        return HAProxyBackend(settings.state_dir, find_binary(settings.haproxy.binary))
    except BinaryNotFound as error:
        raise StartError(f"[haproxy] binary: {error}") from error


def _memory(_settings: Settings) -> Backend:
    # Its content lies in the worker's memory, where no other process can read it; the record in the database is for all.
    return MemoryBackend(reads=Reads.RECORD)


def application(conf: cfg.ConfigOpts, settings: Settings, database: Database) -> WSGIApplication:
    """The HTTP API. Without authentication, it is for clients on this machine alone. Raises SettingsError or StartError."""
    # Here, because the other processes have no need of a web framework.
    from bascule.cmd import middleware, policy
    from bascule.cmd.local_clients import LocalClients
    from bascule.north.octavia_v2.app import application as octavia_v2
    from bascule.north.octavia_v2.app import guarded
    from bascule.north.octavia_v2.door import Door

    carrying, subnets = backends(settings), _subnets(settings)
    door = Door(
        reader=Reader(database),
        writer=Writer(
            database,
            carrying,
            subnets,
            place_by=settings.place_by,
            default_quotas=settings.quotas,
            allowed=settings.api.allowed,
            wake=wake_all(settings),
            clock=database.clock,
        ),
        quotas=Quotas(database, settings.quotas),
        flavors=Offers(database, carrying, OfferKind.FLAVOR),
        availability_zones=Offers(database, carrying, OfferKind.AVAILABILITY_ZONE),
        amphorae=Amphorae(database, carrying),
        subnets=subnets,
        certificates=CertificateLibrary(settings.certificates.directory),
        providers={name: each.description for name, each in carrying.items()},
        default_provider=settings.default_provider,
        default_project_id=settings.api.default_project_id,
        page_limit=settings.api.max_limit,
        max_body=conf.oslo_middleware.max_request_body_size,
        access=None if settings.api.auth_strategy == "none" else policy.PolicyAccess(conf),
    )
    authenticate = authentication(conf, settings.api)
    around = partial(middleware.around, conf=conf)
    if authenticate is None:
        return LocalClients(octavia_v2(door, allowed_hosts=settings.api.allowed_hosts, around=around))
    return guarded(door, authenticate, around=around)


def check_identity(conf: cfg.ConfigOpts, api: ApiSettings) -> None:
    """Raises StartError where callers could not be authenticated, or not be told what they may do."""
    authenticate = authentication(conf, api)
    if authenticate is not None:
        from bascule.cmd import policy

        policy.enforcer(conf)
        authenticate(lambda _environ, _start_response: ())


def authentication(conf: cfg.ConfigOpts, api: ApiSettings) -> Callable[[WSGIApplication], WSGIApplication] | None:
    """What puts before an application that callers say who they are; None where nobody is asked. Raises StartError."""
    if api.auth_strategy == "none":
        return None
    from bascule.cmd import http_basic, keystone

    if api.auth_strategy == "keystone":
        return partial(keystone.Tokens, conf=conf)
    return partial(http_basic.Passwords, users=http_basic.Users(Path(api.http_basic_auth_user_file)))


def passes(settings: Settings, carrying: Mapping[str, Backend]) -> Passes:
    """What carries out passes over these backends."""
    certificates = CertificateLibrary(settings.certificates.directory)
    return Passes(carrying, Resolver(certificates, _subnets(settings), network_drivers(settings)), certificates.secret)


def _subnets(settings: Settings) -> Subnets:
    """What knows where VIPs and members may lie."""
    return AnySubnets() if settings.network_driver == "noop" else Subnets(settings.subnets)


def network_drivers(settings: Settings) -> dict[str, NetworkDriver]:
    """What knows the networks of device groups, by lane."""
    return {
        lane_of(each.name): Declared(settings.networks[each.name]) if each.name in settings.networks else Routed(each.device_names)
        for each in settings.device_groups
    }


def worker(settings: Settings, database: Database) -> Worker:
    """The worker of a process."""
    carrying = backends(settings)
    return Worker(
        database,
        carrying,
        passes(settings, carrying),
        _recorder(settings, database),
        tags=settings.worker.tags,
        lease=settings.worker.lease,
        batch=settings.worker.batch,
        clock=database.clock,
    )


def waker(settings: Settings) -> Waker:
    """What wakes up the workers of this machine."""
    return Waker(settings.runtime_dir / WAKE)


def wake_all(settings: Settings) -> Callable[[], None]:
    """What wakes up the workers of this machine, and those of all others where there is a broker. Raises SettingsError."""
    here, everywhere = waker(settings), broker(settings)
    if everywhere is None:
        return here
    from bascule.core.broker import Sender

    there = Sender(everywhere)

    def wake() -> None:
        here()
        there()

    return wake


def listen(settings: Settings, sleeping: Sleeper) -> None:
    """Have a sleeper be woken up from other machines too, where there is a broker. Raises SettingsError."""
    everywhere = broker(settings)
    if everywhere is not None:
        from bascule.core.broker import Listener

        Listener(everywhere, socket.gethostname(), sleeping.wake)


def broker(settings: Settings) -> Broker | None:
    """How to reach the broker, if there is one; nothing is connected. Raises SettingsError."""
    if settings.transport_url is None:
        return None
    try:
        from bascule.core import broker

        # The global object, for once: oslo.messaging makes some of its options known to no other.
        conf = cfg.CONF
        conf(args=[], project="bascule", default_config_files=list(settings.config_files), default_config_dirs=[])
        return broker.Broker(conf, settings.transport_url)
    except ImportError as error:
        raise SettingsError(f"[DEFAULT] transport_url: the extra 'rabbitmq' is not installed: {error}") from error
    except ValueError as error:
        raise SettingsError(f"[DEFAULT] transport_url: {error}") from error


def sleeper(settings: Settings) -> Sleeper:
    """Where a worker sleeps until the API has something for it."""
    return Sleeper(settings.runtime_dir / WAKE)


def health_manager(settings: Settings, database: Database) -> HealthManager:
    """The health manager of a process. It leaves out what only the worker that made it can see."""
    seen = {name: each for name, each in backends(settings).items() if not isinstance(each, MemoryBackend)}
    return HealthManager(
        database,
        seen,
        _recorder(settings, database),
        tags=settings.worker.tags,
        lease=settings.worker.lease,
        every=settings.health_manager.interval,
        lanes_at_once=max(4, sum(len(each.lanes()) for each in seen.values())),  # a device may take a minute for an answer
        clock=database.clock,
    )


def orphans(settings: Settings, database: Database) -> orphanage.Orphans:
    """What looks for orphans in a process that watches data planes."""
    chosen = settings.health_manager
    carrying = backends(settings)
    return orphanage.Orphans(
        database,
        carrying,
        tags=settings.worker.tags,
        every=min(orphanage.EVERY, chosen.orphan_grace),  # or a short grace would not be kept
        grace=chosen.orphan_grace,
        share=chosen.orphan_share,
        clock=database.clock,
    )


def housekeeping(settings: Settings, database: Database) -> Housekeeping:
    """The housekeeping of a process."""
    chosen = settings.housekeeping
    # Half an interval: every round looks at every certificate, and where several houses are kept they share the looks.
    intervals = Intervals(
        deleted_kept=chosen.deleted_kept,
        events_kept=chosen.events_kept,
        drift=chosen.drift_interval,
        secrets=chosen.interval / 2,
        rounds=chosen.interval,
    )
    return Housekeeping(database, CertificateLibrary(settings.certificates.directory), intervals, clock=database.clock)


def _recorder(settings: Settings, database: Database) -> Recorder:
    return Recorder(database, Timing(error_after=settings.error_after), clock=database.clock)
