"""What bears our mark and belongs to nothing is removed, with care; what bears no mark, or that of others, stays."""

from __future__ import annotations

from typing import Any

import pytest

from bascule.core.orphans import Orphans
from bascule.south.as3.names import tenant_name
from bascule.south.marks import Mark
from bascule.store import meta
from tests.emulator.site import Box, small, tenant
from tests.scenarios.f5.conftest import Make
from tests.scenarios.f5.site import F5World, partitions

pytestmark = pytest.mark.slow


def orphans(world: F5World, **options: Any) -> Orphans:
    return Orphans(world.database, world.backends, clock=world.clock, monotonic=world.clock, **options)


def unknown(device: Box, number: int, installation: str) -> str:
    """A tenant with the mark of an installation that no database knows. Gives its name."""
    load_balancer_id = f"1b000000-0000-4000-8000-{number:012d}"
    name = tenant_name(load_balancer_id)
    label = str(Mark(installation, load_balancer_id))
    assert device.declare(tenant(name, small(f"10.9.200.{number}"), label=label)).status == 200
    return name


def test_orphans_are_removed_after_a_while_and_what_is_not_ours_stays(world: F5World, device: Box) -> None:
    made, deleted = world.create(), world.create()
    world.settle()
    world.delete(deleted.id)
    world.settle()
    unknown(device, 1, world.installation)
    again = tenant_name(deleted.id)  # as a worker leaves it behind that comes too late
    device.declare(tenant(again, small("10.9.200.9"), label=world.mark(deleted.id)))
    device.declare(tenant("Others", small("10.9.200.8")), tenant("Words", small("10.9.200.7"), label="bascule was tried here"))
    left = {tenant_name(made.id), "Others", "Words", unknown(device, 2, "elsewhere")}
    orphans(world, share=0).tick()
    world.settle()
    assert len(partitions(device)) == 6
    looking = orphans(world, share=0.2)
    for seconds, count in ((0, 5), (3000, 5), (700, 4)):  # of what was deleted it is known at once
        world.clock.now += seconds
        looking.tick()
        world.settle()
        assert len(partitions(device)) == count, seconds
    assert partitions(device) == left
    unknown(device, 1, world.installation)  # once more
    for _ in range(2):
        world.clock.now += 3700
        looking.tick()
        world.settle()
    assert partitions(device) == left


def test_the_wrong_database_removes_nothing(world: F5World, device: Box, caplog: pytest.LogCaptureFixture) -> None:
    made = world.create()
    world.settle()
    for number in range(1, 5):
        unknown(device, number, world.installation)
    looking = orphans(world, grace=0)
    looking.tick()
    world.settle()
    assert len(partitions(device)) == 5
    assert "4 of 5 load balancers and networks there are not in the database" in caplog.text
    orphans(world, grace=0, share=1).tick()
    world.settle()
    assert partitions(device) == {tenant_name(made.id)}


@pytest.mark.slow
def test_operators_are_told_before_as3_has_no_names_left(make: Make, bigip: Box, caplog: pytest.LogCaptureFixture) -> None:
    looking = orphans(make(bigip), every=0)

    def fill(part: int) -> None:
        """Others have tenants with long names."""
        names = [f"T{part}{number:03d}".ljust(180, "x") for number in range(1, 146)]
        tenants = [tenant(name, small(f"10.8.{part}.{number}")) for number, name in enumerate(names, 1)]
        assert bigip.declare(*tenants).status == 200

    fill(0)
    looking.tick()
    assert "what AS3 has for" not in caplog.text
    fill(1)
    looking.tick()
    assert (
        "device group pair: the names of its 290 tenants take 80 % of what AS3 has for them; there is room for 916" in caplog.text
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("there", "lost", "share", "goes"),
    [(1, 1, 0.1, True), (3, 1, 0.1, True), (3, 2, 0.1, False), (20, 2, 0.1, True), (20, 3, 0.1, False), (3, 1, 0, False)],
)
def test_never_more_than_the_share_goes_at_once(bigip: Box, make: Make, there: int, lost: int, share: float, goes: bool) -> None:
    world = make(bigip)
    wanted = {world.create().id for _ in range(there - lost)}
    world.settle()
    for number in range(lost):
        unknown(bigip, number + 1, world.installation)
    orphans(world, grace=0, share=share).tick()
    world.settle()
    assert len(partitions(bigip)) == (len(wanted) if goes else there)


def test_two_installations_share_a_device_and_leave_each_other_alone(make: Make, device: Box) -> None:
    """The second database is a copy of the first, made before either had anything."""
    one, other = make(device), make(device, copy=True)
    assert one.installation == other.installation
    other.database.write(meta.new_installation)
    mine, hers = one.create(), other.create()
    for world in (one, other):
        world.settle()
    both = {tenant_name(mine.id), tenant_name(hers.id)}
    assert partitions(device) == both
    for world in (one, other):
        orphans(world, grace=0, share=1).tick()
        world.settle()
    assert partitions(device) == both
    one.delete(mine.id)
    one.settle()
    assert partitions(device) == {tenant_name(hers.id)}


def test_a_copied_database_overwrites_nothing_that_is_the_originals(make: Make, device: Box) -> None:
    one = make(device)
    made = one.create()
    one.settle()
    copied = make(device, copy=True)
    copied.database.write(meta.new_installation)
    copied.database.write(meta.new_epoch)  # and later than the original's by all numbers
    copied.drop(made.id, made.members[0].id)
    copied.tick()
    assert copied.status(made.id) == "ERROR"
    assert copied.faults(made.id) == {made.id: "On the device, this load balancer belongs to another installation of the service."}
    copied.delete(made.id)
    copied.settle()
    assert copied.is_gone(made.id)
    assert one.is_on(device, made.id)


def test_a_restored_database_keeps_what_is_its_own(make: Make, device: Box) -> None:
    one = make(device)
    made = one.create()
    one.settle()
    restored = make(device, copy=True)
    one.drop(made.id, made.members[0].id)
    one.settle()
    restored.database.write(meta.new_epoch)
    restored.compare(made.id)
    restored.settle()
    assert set(restored.statuses(made.id).values()) == {"ACTIVE"}
    assert restored.is_on(device, made.id)
