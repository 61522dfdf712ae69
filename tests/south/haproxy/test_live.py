"""Members change in the HAProxy that runs, where it can do that. What takes a reload is listed here, and in docs/haproxy.md."""

from __future__ import annotations

import csv
import dataclasses
import http.client
import random
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bascule.model.objects import (
    Algorithm,
    Listener,
    ListenerProtocol,
    Member,
    MonitorType,
    PersistenceType,
    Pool,
    PoolProtocol,
    SessionPersistence,
)
from bascule.south.haproxy import Binary, live, servers
from bascule.south.haproxy.render import CONFIGURATION
from bascule.south.haproxy.runtime import ask, conversation, say
from tests.addresses import free_port
from tests.certificates import AUTHORITY
from tests.south.haproxy.site import Site, until

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Change:
    """A change to the members of a pool, and the versions of HAProxy that need a reload for it."""

    what: str
    make: Callable[..., None]
    reloads: Collection[str] = ()
    pool: dict[str, object] = field(default_factory=dict)
    member: dict[str, object] = field(default_factory=dict)
    members: int = 2
    monitor: MonitorType | None = None


def _add(site: Site, pool: Pool, *members: Member, count: int = 1, **fields: object) -> None:
    for _ in range(count):
        site.member(pool, members[0].protocol_port if members else free_port(), **fields)


def _remove(site: Site, pool: Pool, *members: Member) -> None:
    site.tree = site.tree.drop(*(each.id for each in members))


def _remove_one(site: Site, pool: Pool, first: Member, second: Member) -> None:
    _remove(site, pool, first)


def _exchange(site: Site, pool: Pool, *members: Member) -> None:
    _add(site, pool, *members)
    _remove(site, pool, *members)


def _edit(site: Site, pool: Pool, first: Member, second: Member, **fields: object) -> None:
    site.put(dataclasses.replace(first, **fields))  # type: ignore[arg-type]


def _edit_pool(site: Site, pool: Pool, *members: Member) -> None:
    site.put(dataclasses.replace(pool, lb_algorithm=Algorithm.LEAST_CONNECTIONS))


def _monitor(site: Site, pool: Pool, *members: Member) -> None:
    site.monitor(pool)


def _persistence(kind: PersistenceType, **fields: Any) -> dict[str, object]:
    return {"persistence": SessionPersistence(type=kind, **fields)}


EVERY = ("2.6", "2.8")
HTTP, HTTPS, TCP, HELLO = MonitorType.HTTP, MonitorType.HTTPS, MonitorType.TCP, MonitorType.TLS_HELLO
OFF = {"admin_state_up": False}
MONITORS = (HTTP, HTTPS, TCP, HELLO)
HOSTILE = ("a;b", "a\\b", "it's", 'say"', "$HOME", "#", "<<", "%[src]", "weight", "disabled", "check", "ü")
TRUST = {"tls_enabled": True, "tls_container_ref": "own", "ca_tls_container_ref": "ca", "crl_container_ref": "crl"}
CHANGES = [
    Change("add a member", partial(_add, weight=3)),
    Change("add a member, LEAST_CONNECTIONS", _add, pool={"algorithm": Algorithm.LEAST_CONNECTIONS}),
    Change("add a member, SOURCE_IP", _add, pool={"algorithm": Algorithm.SOURCE_IP}),
    Change("add a member, SOURCE_IP_PORT", _add, pool={"algorithm": Algorithm.SOURCE_IP_PORT}),
    Change("add a member, SOURCE_IP persistence", _add, pool=_persistence(PersistenceType.SOURCE_IP)),
    Change("add a member, HTTP_COOKIE persistence", _add, ("2.6",), pool=_persistence(PersistenceType.HTTP_COOKIE)),
    Change("add a member, APP_COOKIE persistence", _add, pool=_persistence(PersistenceType.APP_COOKIE, cookie_name="id")),
    Change("add a member, PROXY", _add, pool={"protocol": PoolProtocol.PROXY}),
    Change("add a member, PROXYV2", _add, pool={"protocol": PoolProtocol.PROXYV2}),
    Change("add a member, TLS", _add, pool={"tls_enabled": True}),
    Change("add a member, TLS with certificates", _add, pool=TRUST),
    Change("add the first member, TLS with certificates", _add, EVERY, pool=TRUST, members=0),
    *(Change(f"add a member, {kind} monitor", _add, monitor=kind) for kind in MONITORS),
    Change("add a member, PING monitor", _add, EVERY, monitor=MonitorType.PING),
    *(
        Change(f"add a member, TLS, {kind} monitor", _add, pool={"tls_enabled": True}, monitor=kind)
        for kind in (HTTP, HTTPS, TCP, HELLO)
    ),
    Change("add a member probed elsewhere", partial(_add, monitor_address="127.0.0.1", monitor_port=9), monitor=MonitorType.TCP),
    Change("add the first member", _add, members=0),
    Change("add a backup member", partial(_add, backup=True)),
    Change("add a disabled member", partial(_add, admin_state_up=False)),
    Change("exchange all members", _exchange),
    Change(f"add {live.MOST_CHANGES + 1} members at once", partial(_add, count=live.MOST_CHANGES + 1), EVERY),
    Change("remove a member", _remove_one),
    Change("remove a member, HTTP_COOKIE persistence", _remove_one, pool=_persistence(PersistenceType.HTTP_COOKIE)),
    Change("remove the last member", _remove),
    Change("change a weight", partial(_edit, weight=7)),
    Change("change a weight to 0", partial(_edit, weight=0)),
    Change("change a weight from 0", partial(_edit, weight=256), member={"weight": 0}),
    Change("disable a member", partial(_edit, admin_state_up=False)),
    Change("enable a member", partial(_edit, admin_state_up=True), member=OFF),
    Change("enable a member, PING monitor", partial(_edit, admin_state_up=True), member=OFF, monitor=MonitorType.PING),
    Change("make a member a backup", partial(_edit, backup=True), EVERY),
    Change("probe a member elsewhere", partial(_edit, monitor_port=9), EVERY, monitor=MonitorType.TCP),
    Change("add a health monitor", _monitor, EVERY),
    Change("change the algorithm", _edit_pool, EVERY),
]


def _worker(site: Site) -> str:
    """Which worker answers."""
    return _info(site)["Pid"]


def _info(site: Site) -> dict[str, str]:
    lines = ask(site.directory, "show info").splitlines()
    return {label: value for label, _, value in (line.partition(": ") for line in lines)}


def _runs_as_configured(site: Site) -> bool:
    """Whether every server has the weight and admin state that the configuration says, and no other gets traffic."""
    _, wanted = servers.split(site.read()[CONFIGURATION])
    lines = {server: servers.parse(words) for server, words in wanted.items()}
    rows = csv.DictReader(ask(site.directory, "show stat").removeprefix("# ").splitlines())
    found = {(row["pxname"], row["svname"]): row for row in rows if row["svname"] not in ("FRONTEND", "BACKEND")}
    return lines.keys() <= found.keys() and all(
        (row["status"] == "MAINT") == (server not in lines or lines[server].disabled)
        and (server not in lines or row["uweight"] == lines[server].weight)
        and (row["status"] == "MAINT" or row["weight"] == lines[server].weight)
        for server, row in found.items()
    )


def test_what_takes_a_reload(site: Site, haproxy: Binary) -> None:
    """One pool for each change: the changes are made one after the other, and each is seen to reload or not."""
    server = site.server("a")
    for ref, content in (("own", AUTHORITY.issue()), ("ca", AUTHORITY.pem), ("crl", AUTHORITY.crl())):
        site.store(ref, content)
    prepared = []
    for change in CHANGES:
        pool = site.pool(**change.pool)  # type: ignore[arg-type]
        members = [site.member(pool, server.port, **change.member) for _ in range(change.members)]
        if change.monitor:
            site.monitor(pool, change.monitor)
        site.listener(default_pool_id=pool.id)
        prepared.append((change, pool, members))
    site.serve()
    reloaded = {}
    for change, pool, members in prepared:
        before = _worker(site)
        change.make(site, pool, *members)
        site.serve()
        reloaded[change.what] = _worker(site) != before
        assert _runs_as_configured(site), change.what
    version = ".".join(map(str, haproxy.version))
    assert reloaded == {change.what: version in change.reloads for change in CHANGES}


def test_the_documentation_lists_it() -> None:
    page = Path(__file__).parents[3] / "docs" / "haproxy.md"
    _, _, rest = page.read_text().partition("## What takes a reload\n")
    rows = [line for line in rest.partition("\n## ")[0].splitlines() if line.startswith("|")]
    assert rows == [
        "| change of members | 2.6 | 2.8 |",
        "|---|---|---|",
        *(
            f"| {each.what} | {' | '.join('reload' if version in each.reloads else 'live' for version in EVERY)} |"
            for each in CHANGES
        ),
    ]


def test_no_pool_is_empty_in_between() -> None:
    before, after = (f"backend p\n    mode http\n{servers}" for servers in (_servers(a=1, b=2, c=3), _servers(b=0, d=4, c=3)))
    found = live.commands(before, after, [("p", "a"), ("p", "b"), ("p", "c")])
    assert found
    assert [each.line.replace("\\", "") for each in found] == [
        "add server p/d ipv4@10.0.0.1:80 weight 4 check inter 5s",
        "enable health p/d",
        "enable server p/d",
        "set server p/b weight 0",
        "disable server p/a",
    ]


def _servers(**weights: int) -> str:
    return "".join(
        f"    # member {name}\n    server {name} ipv4@10.0.0.1:80 weight {weight} check inter 5s\n"
        for name, weight in weights.items()
    )


@pytest.mark.parametrize(
    "known",
    [
        [("p", "a")],
        [("p", "a"), ("p", "b"), ("p", "c")],
        [("p", "a"), ("p", "b"), *(("p", str(n)) for n in range(live.MOST_GONE + 1))],
    ],
)
def test_other_servers_than_expected_take_a_reload(known: Collection[servers.Server]) -> None:
    """One is missing; the new one is there already; too many have come together."""
    assert live.commands(f"backend p\n{_servers(a=1, b=2)}", f"backend p\n{_servers(a=1, b=2, c=3)}", known) is None


def test_texts_of_users_are_words_of_commands(site: Site) -> None:
    pools = [site.pool(site.server("a")) for _ in HOSTILE]
    for pool, name in zip(pools, HOSTILE, strict=True):
        site.monitor(pool, HTTPS, domain_name=name)
        site.listener(default_pool_id=pool.id)
    site.serve()
    worker = _worker(site)
    for pool, name in zip(pools, HOSTILE, strict=True):
        member = site.member(pool, free_port())
        site.serve()
        site.put(dataclasses.replace(member, admin_state_up=False))
        site.serve()
        assert _runs_as_configured(site), name
        assert _worker(site) == worker, name


# Under load.


class _Clients:
    """Clients that ask all the time, each other one on a new connection for every request."""

    def __init__(self, site: Site, listener: Listener, count: int) -> None:
        self.answers: list[int] = []
        self.failures: list[Exception] = []
        self._stop = threading.Event()
        self._place = (site.address, listener.protocol_port)
        self._threads = [threading.Thread(target=self._ask, args=(number % 2 == 0,)) for number in range(count)]

    def __enter__(self) -> _Clients:
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for each in self._threads:
            each.join()

    def _ask(self, keep: bool) -> None:
        connection = http.client.HTTPConnection(*self._place, timeout=10)
        while not self._stop.is_set():
            try:
                connection.request("GET", "/")
                answer = connection.getresponse()
                answer.read()
                self.answers.append(answer.status)
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(error)
                connection.close()
            if not keep:
                connection.close()
        connection.close()


@pytest.mark.slow
def test_no_request_fails_and_nothing_reloads_in_a_hundred_changes(site: Site) -> None:
    servers = [site.server(name) for name in "abcd"]
    pool = site.pool(*servers[:2])
    site.monitor(pool, MonitorType.HTTP)
    listener = site.listener(default_pool_id=pool.id)
    site.serve()
    processes = site.processes()
    chosen = random.Random(1)
    with _Clients(site, listener, 4) as clients:
        for number in range(100):
            members = site.tree.members
            each = chosen.choice(members[1:])  # the first goes on serving
            match number % 4:
                case 0:
                    site.member(pool, chosen.choice(servers).port, weight=chosen.randint(1, 256))
                case 1:
                    site.put(dataclasses.replace(each, weight=chosen.choice((0, 1, 100))))
                case 2:
                    site.put(dataclasses.replace(each, admin_state_up=not each.admin_state_up))
                case 3:
                    site.tree = site.tree.drop(each.id)
            site.serve()
    assert clients.failures == []
    assert set(clients.answers) == {200}
    assert len(clients.answers) > 300
    assert _runs_as_configured(site)
    assert site.processes() == processes


# Members that are added.


def test_a_new_member_is_probed_at_once_and_reported(site: Site) -> None:
    pool = site.pool(site.server("a"))
    monitor = site.monitor(pool, MonitorType.HTTP, delay=3600, url_path="/probe")
    listener = site.listener(default_pool_id=pool.id)
    site.serve()
    worker = _worker(site)
    good, bad = site.server("b"), site.server("c")
    bad.status = 500
    up, failing, dead = (site.member(pool, port) for port in (good.port, bad.port, free_port()))
    drained, off = site.member(pool, good.port, weight=0), site.member(pool, good.port, admin_state_up=False)
    site.serve()
    expected = {up.id: "UP", failing.id: "DOWN", dead.id: "DOWN", drained.id: "DRAIN", off.id: "MAINT"}
    assert until(lambda: expected.items() <= site.report().members.items(), 20)
    assert until(lambda: good.asked == ["/probe", "/probe"], 20)
    assert {site.get(listener).name for _ in range(8)} == {"a", "b"}
    assert _worker(site) == worker
    site.put(dataclasses.replace(off, admin_state_up=True), dataclasses.replace(monitor, name="the same"))
    site.serve()
    assert until(lambda: site.seen(off) == "UP", 20)
    assert _worker(site) == worker


def test_a_new_member_without_a_monitor_is_reported_so(site: Site) -> None:
    pool = site.pool()
    site.listener(default_pool_id=pool.id)
    site.serve()
    member = site.member(pool, site.server("a").port)
    site.serve()
    assert site.seen(member) == "NO_CHECK"


# Members that are removed.


def _greeting(site: Site, listener: Listener) -> bytes:
    with site.connect(listener) as connection, connection.makefile("rb") as heard:
        return heard.readline()


def test_connections_to_a_removed_member_go_on(site: Site) -> None:
    pool = site.pool(site.echo_server("a"), protocol=PoolProtocol.TCP)
    (member,) = site.tree.members
    listener = site.listener(ListenerProtocol.TCP, default_pool_id=pool.id)
    site.serve()
    worker = _worker(site)
    with site.connect(listener) as connection, connection.makefile("rwb") as stream:
        assert stream.readline() == b"a\n"
        site.tree = site.tree.drop(member.id)
        site.member(pool, site.echo_server("b").port)
        site.serve()
        assert _greeting(site, listener) == b"b\n"
        stream.write(b"still here\n")
        stream.flush()
        assert stream.readline() == b"still here\n"
    assert _worker(site) == worker
    assert member.id not in site.report().members
    site.put(member)  # as when what was last accepted is wanted again
    site.serve()
    assert _worker(site) != worker
    assert {_greeting(site, listener) for _ in range(2)} == {b"a\n", b"b\n"}


def _names(site: Site, listener: Listener) -> dict[str, str]:
    """The members that many clients get, by the clients' addresses."""
    sources = [f"127.0.{net}.{host}" for net in (1, 2) for host in range(2, 22)]
    return {source: site.get(listener, source=source).name for source in sources}


def test_clients_of_other_members_stay_where_they_are(site: Site) -> None:
    pool = site.pool(*map(site.server, "abcd"), algorithm=Algorithm.SOURCE_IP)
    listener = site.listener(default_pool_id=pool.id)
    site.serve()
    before = _names(site, listener)
    site.tree = site.tree.drop(site.tree.members[0].id)
    site.serve()
    live_after = _names(site, listener)
    assert {source for source in before if live_after[source] != before[source]} == {
        source for source in before if before[source] == "a"
    }
    site.replace += 1
    site.serve()
    assert _names(site, listener) == live_after


@pytest.mark.slow
def test_remembered_clients_are_handed_on_after_changes(site: Site) -> None:
    """The folder that the worker was started in is gone by then."""
    pool = site.pool(*map(site.server, "abcd"), persistence=SessionPersistence(type=PersistenceType.SOURCE_IP))
    listener = site.listener(default_pool_id=pool.id)
    site.serve()
    worker = _worker(site)
    before = _names(site, listener)
    for _ in range(3):
        site.member(pool, free_port(), weight=0)
        site.serve()
    assert _worker(site) == worker
    time.sleep(6.0)  # a worker hands its table on only after five seconds of its own
    site.replace += 1
    site.serve()
    time.sleep(1.0)
    after = {source: site.get(listener, source=source).name for source in reversed(before)}  # not as taking turns would have it
    assert after == before


@pytest.mark.slow
def test_too_many_removed_members_are_forgotten_by_a_reload(site: Site) -> None:
    pool = site.pool(site.server("a"))
    site.listener(default_pool_id=pool.id)
    site.serve()
    worker = _worker(site)
    for _ in range(live.MOST_GONE + 1):
        assert _worker(site) == worker
        site.tree = site.tree.drop(*(each.id for each in site.tree.members))
        site.member(pool, free_port())
        site.serve()
    assert _worker(site) != worker


# A reload later, and a death in between.


def test_a_reload_brings_back_nothing_of_what_was_changed(site: Site) -> None:
    server = site.server("a")
    pool = site.pool()
    monitor = site.monitor(pool)
    heavy, off, removed = (site.member(pool, server.port) for _ in range(3))
    down = site.member(pool, free_port())
    listener = site.listener(default_pool_id=pool.id)
    site.serve()
    assert until(lambda: site.seen(down) == "DOWN", 20)
    site.put(*(dataclasses.replace(each, weight=9) for each in (heavy, down)), dataclasses.replace(off, admin_state_up=False))
    site.tree = site.tree.drop(removed.id)
    site.serve()
    site.put(*(dataclasses.replace(each, weight=1) for each in (heavy, down)), off)
    site.put(dataclasses.replace(listener, timeout_client_data=4321))
    site.serve()
    assert _runs_as_configured(site)
    assert site.seen(down) == "DOWN"
    assert until(lambda: site.seen(off) == "UP", 20)
    assert monitor.id


@pytest.mark.parametrize("done", [False, True])
def test_a_change_that_was_not_finished_is_a_reload(site: Site, done: bool) -> None:
    """As if Bascule had died between its first word to HAProxy and its last."""
    pool = site.pool(site.server("a"))
    listener = site.listener(default_pool_id=pool.id)
    site.serve()
    worker = _worker(site)
    before = site.read()[CONFIGURATION]
    member = site.member(pool, site.server("b").port)
    with conversation(site.directory, 10) as ask_it:
        say(ask_it, "changing")
        if done:
            assert live.change(ask_it, before, site.backend.render(site.definition(), site.carrier)[CONFIGURATION])
    assert site.plan(site.definition()).steps
    site.serve()
    assert _worker(site) != worker
    assert site.seen(member) == "NO_CHECK"
    assert {site.get(listener).name for _ in range(4)} == {"a", "b"}
