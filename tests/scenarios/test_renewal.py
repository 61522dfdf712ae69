"""Certificates that change in their store, or come to their end, with nobody editing anything."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from bascule.model.objects import Algorithm, ClientAuthentication, Listener, ListenerProtocol, Pool, PoolProtocol, Tree
from bascule.store.tables import secret_use
from tests.certificates import AUTHORITY, Authority, key_pem
from tests.scenarios.world import World, bare, new_id
from tests.store.examples import statements

pytestmark = pytest.mark.slow

DAY = 86400.0
ROUND = 60.0
"""Seconds from one round of housekeeping to the next."""


def secure(*refs: str, name: str = "front", **fields: object) -> Tree:
    """A load balancer with one TLS listener."""
    listener = Listener(
        id=new_id(),
        name=name,
        protocol=ListenerProtocol.TERMINATED_HTTPS,
        protocol_port=443,
        default_tls_container_ref=refs[0],
        sni_container_refs=refs[1:],
        **fields,  # type: ignore[arg-type]
    )
    return bare().put(listener)


def carried(world: World, *refs: str, **fields: object) -> Tree:
    tree = world.create(secure(*refs, **fields))  # type: ignore[arg-type]
    world.tick()
    assert world.status(tree.id) == "ACTIVE"
    return tree


def listener_of(world: World, tree: Tree) -> str:
    return world.held(tree.id)[f"listener/{tree.listeners[0].id}"]


def keep_house(world: World, seconds: float = ROUND) -> None:
    """Let time pass, then look and let the worker do what is due by then."""
    world.clock.now += seconds
    world.housekeeping.tick()
    world.tick()


def uses(world: World) -> list[sa.Row[tuple[object, ...]]]:
    with world.database.read() as conn:
        return list(conn.execute(sa.select(secret_use).order_by(secret_use.c.ref)))


def told(world: World, tree: Tree, word: str) -> list[str]:
    return [text for text in world.events(tree.id) if word in text]


def day(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"


def test_a_renewed_certificate_is_carried_out_within_a_round(world: World) -> None:
    world.certificate("www.pem", AUTHORITY.issue())
    tree = carried(world, "www.pem")
    before, generation = listener_of(world, tree), world.unit(tree.id).generation
    keep_house(world)
    assert (listener_of(world, tree), world.unit(tree.id).asked) == (before, 1), "nobody was asked for anything"
    ends_at = world.clock.now + 300 * DAY
    world.certificate("www.pem", AUTHORITY.issue(ends_at=ends_at))
    keep_house(world)
    assert listener_of(world, tree) != before
    assert (world.status(tree.id), world.unit(tree.id).generation) == ("ACTIVE", generation)
    assert told(world, tree, "new content") == [
        f"The certificate www.pem of the listener front has new content, which is used from now on. It expires on {day(ends_at)}."
    ]
    asked = world.unit(tree.id).asked
    keep_house(world)
    assert world.unit(tree.id).asked == asked


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_only_who_uses_it_is_asked(world: World) -> None:
    for name in ("www.pem", "shop.pem"):
        world.certificate(name, AUTHORITY.issue())
    first, second = carried(world, "www.pem"), carried(world, "shop.pem")
    both = carried(world, "shop.pem", "www.pem")
    world.certificate("www.pem", AUTHORITY.issue())
    keep_house(world)
    assert [world.unit(tree.id).asked for tree in (first, second, both)] == [2, 1, 2]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_cannot_be_read_now_touches_nothing_that_serves(world: World) -> None:
    path = world.certificate("www.pem", AUTHORITY.issue())
    content = path.read_bytes()
    tree = carried(world, "www.pem")
    before = listener_of(world, tree)
    path.unlink()
    for _ in range(5):
        keep_house(world)
    assert (world.status(tree.id), world.faults(tree.id), world.unit(tree.id).asked) == ("ACTIVE", {}, 1)
    world.certificate("www.pem", content)
    keep_house(world)
    assert (listener_of(world, tree), world.unit(tree.id).asked) == (before, 1)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_can_be_read_again_is_taken_at_once(world: World) -> None:
    path = world.certificate("www.pem", AUTHORITY.issue())
    content = path.read_bytes()
    tree = carried(world, "www.pem")
    path.unlink()
    world.clock.now += 5
    world.rename(tree.id, "renamed")
    world.tick()
    (listener,) = tree.listeners
    for _ in range(6):  # after which the pauses between tries are long
        world.clock.now = world.next_due() or 0.0
        world.tick()
    assert world.status(tree.id, listener.id) == "ERROR"
    assert (world.next_due() or 0.0) > world.clock.now + 2 * ROUND
    world.certificate("www.pem", content)
    keep_house(world)
    assert (world.status(tree.id, listener.id), world.faults(tree.id)) == ("ACTIVE", {})


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("content", "why"),
    [
        (lambda: b"no certificate at all", "certificate www.pem is not a PEM file with a certificate"),
        (lambda: AUTHORITY.issue() + Authority("X").pem, "is not part of the chain of the first one: X"),
        (lambda: AUTHORITY.pem, "certificate www.pem has no private key"),
        (lambda: AUTHORITY.pem + key_pem(AUTHORITY.key, b"secret"), "has a key that is encrypted"),
        (lambda: AUTHORITY.pem + key_pem(Authority("Y").key), "has a key that does not belong to its certificate"),
    ],
)
def test_bad_content_is_its_listeners_fault_and_the_old_goes_on_serving(
    world: World, content: Callable[[], bytes], why: str
) -> None:
    world.certificate("www.pem", AUTHORITY.issue(ends_at=world.clock.now + 20 * DAY))
    tree = carried(world, "www.pem")
    (listener,) = tree.listeners
    before = listener_of(world, tree)
    world.certificate("www.pem", content())
    keep_house(world)
    assert why in world.faults(tree.id)[listener.id]
    assert (world.status(tree.id, listener.id), world.status(tree.id), listener_of(world, tree)) == ("ERROR", "ACTIVE", before)
    assert told(world, tree, "new content") == []
    asked = world.unit(tree.id).asked
    keep_house(world, 20.0)
    assert world.unit(tree.id).asked == asked, "what was refused is not asked for again and again"
    assert told(world, tree, "expires") == [
        f"The certificate www.pem of the listener front expires on {day(1_000_000 + 20 * DAY)}, in 20 days."
    ], "what serves ends all the same"
    world.certificate("www.pem", AUTHORITY.issue(ends_at=world.clock.now + 100 * DAY))
    keep_house(world)
    assert (world.status(tree.id, listener.id), world.faults(tree.id)) == ("ACTIVE", {})
    assert listener_of(world, tree) != before


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_new_content_is_told_of_when_it_is_carried_out(world: World) -> None:
    end = world.clock.now + 40 * DAY
    world.certificate("www.pem", AUTHORITY.issue(ends_at=end))
    tree = carried(world, "www.pem")
    before = listener_of(world, tree)
    world.device.switches.failing[tree.id] = "It does not work now."
    world.certificate("www.pem", AUTHORITY.issue(ends_at=end + 100 * DAY))
    keep_house(world)
    keep_house(world, 15 * DAY)
    assert listener_of(world, tree) == before
    assert told(world, tree, "new content") == []
    assert len(told(world, tree, "in 25 days")) == 1, "what serves ends all the same"
    world.device.switches.failing.clear()
    keep_house(world)
    assert listener_of(world, tree) != before
    assert len(told(world, tree, "new content")) == 1
    keep_house(world)
    assert (len(told(world, tree, "expires on")), world.next_due()) == (2, None)


def test_the_owner_is_warned_once_for_each_step(world: World) -> None:
    end = world.clock.now + 40 * DAY
    world.certificate("www.pem", AUTHORITY.issue(ends_at=end))
    tree = carried(world, "www.pem")
    start = "The certificate www.pem of the listener front "
    for left, text in [
        (31.0, None),
        (29.9, f"expires on {day(end)}, in 30 days."),
        (15.0, None),
        (6.9, f"expires on {day(end)}, in 7 days."),
        (0.9, f"expires on {day(end)}, tomorrow at 13:46 UTC."),
        (0.1, None),
        (-0.5, f"expired on {day(end)} at 13:46 UTC."),
        (-60.0, None),
    ]:
        before = told(world, tree, "expire")
        for _ in range(2):
            keep_house(world, end - left * DAY - world.clock.now)
            world.restart()
            keep_house(world)
        assert told(world, tree, "expire")[len(before) :] == ([start + text] if text else [])
    assert world.status(tree.id) == "ACTIVE", "an expired certificate is no reason to refuse anything"
    assert world.faults(tree.id) == {}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_step_that_was_missed_is_not_made_up_for(world: World) -> None:
    end = world.clock.now + 3 * DAY
    world.certificate("www.pem", AUTHORITY.issue(ends_at=end))
    tree = carried(world, "www.pem")
    for _ in range(3):
        keep_house(world)
    assert len(told(world, tree, "expires")) == 1
    world.certificate("www.pem", AUTHORITY.issue(ends_at=world.clock.now + 2 * DAY))
    for _ in range(3):
        keep_house(world)
    assert len(told(world, tree, "expires")) == 3, "the new one, and that it is no better"
    world.rename(tree.id, "renamed")
    for _ in range(3):
        keep_house(world)
    assert len(told(world, tree, "expires")) == 3


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_expired_certificate_can_be_used(world: World) -> None:
    world.certificate("old.pem", AUTHORITY.issue(ends_at=world.clock.now - DAY))
    tree = carried(world, "old.pem")
    keep_house(world)
    assert len(told(world, tree, "expired on")) == 1
    assert world.faults(tree.id) == {}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_kind_of_file_is_looked_after(world: World) -> None:
    soon, later = world.clock.now + 5 * DAY, world.clock.now + 4000 * DAY
    root = Authority("Root", ends_at=later)
    world.certificate("www.pem", Authority("Middle", root, ends_at=soon).issue(ends_at=later))
    world.certificate("ca.pem", root.pem + Authority("Old", ends_at=soon).pem)
    world.certificate("crl.pem", root.crl(ends_at=world.clock.now + 3600))
    pool = Pool(
        id=new_id(),
        name="web",
        protocol=PoolProtocol.HTTP,
        lb_algorithm=Algorithm.ROUND_ROBIN,
        tls_enabled=True,
        tls_container_ref="www.pem",
    )
    tree = world.create(
        secure(
            "www.pem",
            client_ca_tls_container_ref="ca.pem",
            client_crl_container_ref="crl.pem",
            client_authentication=ClientAuthentication.MANDATORY,
        ).put(pool)
    )
    world.tick()
    keep_house(world)
    assert sorted(told(world, tree, "expires")) == sorted(
        [
            f'The intermediate certificate "Middle" in www.pem of the listener front expires on {day(soon)}, in 5 days.',
            f'The intermediate certificate "Middle" in www.pem of the pool web expires on {day(soon)}, in 5 days.',
            f'The authority "Old" in ca.pem of the listener front expires on {day(soon)}, in 5 days.',
            f"The revocation list crl.pem of the listener front expires on {day(world.clock.now)}, today at 14:46 UTC.",
        ]
    )
    world.certificate("crl.pem", Authority("Stranger").crl())
    keep_house(world)
    assert world.faults(tree.id) == {
        tree.listeners[0].id: "A reference cannot be used: revocation list crl.pem holds a revocation list that was not "
        "signed by any of the authorities it is used with."
    }


def test_several_housekeepers_warn_once(world: World) -> None:
    world.certificate("www.pem", AUTHORITY.issue(ends_at=world.clock.now + 5 * DAY))
    trees = [world.create(secure("www.pem")) for _ in range(5)]
    world.tick()
    world.clock.now += ROUND
    housekeepers = [world.new_housekeeping() for _ in range(4)]
    together = threading.Barrier(len(housekeepers))

    def keep(index: int) -> None:
        together.wait()
        housekeepers[index].tick()

    threads = [threading.Thread(target=keep, args=(index,)) for index in range(len(housekeepers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(told(world, tree, "expires")) for tree in trees] == [1] * len(trees)


def test_a_round_is_bounded_and_the_rest_follows_at_once(world: World) -> None:
    count = 130
    for number in range(count):
        world.certificate(f"{number}.pem", AUTHORITY.issue())
    tree = carried(world, *(f"{number}.pem" for number in range(count)))
    world.clock.now += ROUND
    assert world.housekeeping.tick(), "there is more to look at"
    assert sum(use.looked_at == world.clock.now for use in uses(world)) == 100
    assert not world.housekeeping.tick()
    assert {use.looked_at for use in uses(world)} == {world.clock.now}
    assert told(world, tree, "expire") == []


def test_uses_go_with_what_uses_them(world: World) -> None:
    for name in ("www.pem", "shop.pem"):
        world.certificate(name, AUTHORITY.issue())
    tree = carried(world, "www.pem", "shop.pem")
    assert [use.ref for use in uses(world)] == ["shop.pem", "www.pem"]
    world.put(tree.id, dataclasses.replace(tree.listeners[0], sni_container_refs=()))
    world.tick()
    assert [use.ref for use in uses(world)] == ["www.pem"]
    world.delete(tree.id)
    world.certificate("www.pem", AUTHORITY.issue(ends_at=world.clock.now))
    keep_house(world)
    assert world.is_gone(tree.id)
    assert uses(world) == []
    assert told(world, tree, "expire") == []


@pytest.mark.parametrize("count", [1, 20])
def test_writing_down_what_is_used_takes_as_many_statements_for_many_as_for_one(world: World, count: int) -> None:
    world.certificate("www.pem", AUTHORITY.issue())
    for _ in range(count):
        world.create(secure("www.pem"))
    with statements(world.database) as sent:
        world.worker.tick()
    assert len(uses(world)) == count
    assert len([each for each in sent if "secret_use" in each]) == 2, "one looks, one inserts"
    world.clock.now += 10
    with world.database.read() as conn:
        ids = list(conn.scalars(sa.select(secret_use.c.unit_id)))
    for unit_id in ids:
        world.rename(unit_id, "renamed")
    with statements(world.database) as sent:
        world.worker.tick()
    assert len([each for each in sent if "secret_use" in each]) == 1, "nothing changed"
