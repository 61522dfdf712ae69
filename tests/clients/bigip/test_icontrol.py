"""What is asked of a device beside AS3: numbers, states, saving."""

from __future__ import annotations

import pytest

from bascule.clients.bigip import AS3, Busy, Device, Refused, Unreachable, icontrol
from bascule.clients.bigip.icontrol import MemberState, Saving
from tests.clients.bigip.site import VLANS, Counted
from tests.clients.bigip.test_as3 import wrapped
from tests.emulator.site import Box, small, tenant

pytestmark = pytest.mark.slow


@pytest.fixture
def filled(bigip: Box, device: Device) -> Device:
    """Twenty load balancers; the last one has an IPv6 member."""
    members = [(f"10.9.0.{number}", f"10.9.1.{number}") for number in range(19)]
    tenants = [tenant(f"T{number}", small(f"203.0.113.{number + 1}", 80, *pair)) for number, pair in enumerate(members)]
    checked = small("203.0.113.200", 80, "2001:db8::5")
    checked["pool"]["monitors"] = ["tcp"]
    AS3(device).declare(wrapped(*tenants, tenant("T19", checked)))
    bigip.ask("PUT", "/emulator/members", {"2001:db8::5.80": "down"})
    bigip.ask("PUT", "/emulator/counters", {"/T0/app/vs": {"bitsIn": 8000, "bitsOut": 16000, "curConns": 3, "totConns": 70}})
    return device


def test_numbers_and_states_of_a_full_device_cost_one_request_each(bigip: Box, filled: Device) -> None:
    asked = Counted(bigip)
    numbers = {one.path: one for one in icontrol.virtual_stats(filled)}
    states = {(one.pool, one.member): one for one in icontrol.member_states(filled)}
    assert asked.so_far() == 2
    assert len(numbers) == 20
    assert len(states) == 39
    first = numbers["/T0/app/vs"]
    assert (first.availability, first.enabled, first.bits_in, first.bits_out) == ("unknown", True, 8000, 16000)
    assert (first.current_connections, first.total_connections) == (3, 70)
    assert numbers["/T19/app/vs"].availability == "offline"
    assert states["/T0/app/pool", "/Common/10.9.0.0:80"].state == "unchecked"
    assert states["/T19/app/pool", "/Common/2001:db8::5.80"] == MemberState(
        "/T19/app/pool", "/Common/2001:db8::5.80", "2001:db8::5", 80, "down", "monitor-enabled", ""
    )


def test_an_empty_device_has_none(device: Device) -> None:
    assert icontrol.virtual_stats(device) == icontrol.member_states(device) == ()


def test_slow_statistics_do_not_wait_for_ever(bigip: Box, filled: Device) -> None:
    bigip.fault("latency", seconds=30, times=None, path="/stats$")
    with pytest.raises(Unreachable, match="timed out"):
        icontrol.virtual_stats(filled, timeout=0.2)


def test_saving_is_a_task_that_is_asked_for(bigip: Box, filled: Device) -> None:
    task = icontrol.start_saving(filled)
    bigip.until(lambda: icontrol.saving(filled, task) is Saving.DONE)
    assert icontrol.saving(filled, "4711") is Saving.FAILED
    bigip.ask("POST", "/emulator/reboot", {"seconds": 0})
    assert len(AS3(filled).declared()) == 20


def test_what_the_device_refuses_is_told_in_its_words(bigip: Box, device: Device) -> None:
    with pytest.raises(Refused, match=r"01020036:3: The requested .* was not found.* \(HTTP 404\)") as refused:
        icontrol.read(device, f"{VLANS}/nowhere")
    assert refused.value.status == 404
    bigip.fault("unavailable", times=None, path=VLANS)
    with pytest.raises(Busy):
        icontrol.read(device, VLANS)
