"""AS3 against the emulated device: what is handed in, what comes back, and what is stored."""

from __future__ import annotations

from typing import Any

import pytest

from bascule.clients.bigip import AS3, Busy, Device, OutcomeUnknown
from bascule.clients.bigip.as3 import BASE
from bascule.clients.bigip.replies import Occupied, Rejection, Reply, Result, Task, Unclear, Verdict, reply
from tests.clients.bigip.conftest import Connect
from tests.clients.bigip.site import Counted
from tests.emulator.site import Box, adc, box, lb, small, tenant

pytestmark = pytest.mark.slow


def wrapped(*tenants: dict[str, Any]) -> dict[str, Any]:
    return {"class": "AS3", "persist": False, "declaration": adc(*tenants)}


def later(as3: AS3, body: dict[str, Any]) -> Reply:
    """What AS3 answers where a task was asked for, rather than made of a request that takes long."""
    answer = as3.device.post(f"{BASE}/declare?async=true", body)
    return reply(answer.status, answer.body, answer.text)


def finished(bigip: Box, as3: AS3, reply: Reply) -> Reply:
    """What a task has come to in the end."""
    assert isinstance(reply, Task)

    def done() -> Reply | None:
        found = as3.task(reply.id)
        return None if isinstance(found, Task) else found

    found: Reply = bigip.until(done)
    return found


def test_a_declaration_is_carried_out_and_the_second_time_nothing_is_changed(device: Device) -> None:
    as3 = AS3(device)
    assert as3.info().version == "3.56.0"
    assert as3.declared() == {}
    for changed in (True, False):
        reply = as3.declare(wrapped(tenant("T1", lb()), tenant("T2", small())))
        assert isinstance(reply, Result)
        assert [(one.tenant, one.verdict, one.changed) for one in reply.tenants] == [
            ("T1", Verdict.DONE, changed),
            ("T2", Verdict.DONE, changed),
        ]


def test_a_task_comes_to_the_same(bigip: Box, device: Device) -> None:
    as3 = AS3(device)
    reply = finished(bigip, as3, later(as3, wrapped(tenant("T1", lb()))))
    assert isinstance(reply, Result)
    assert [(one.tenant, one.verdict, one.changed) for one in reply.tenants] == [("T1", Verdict.DONE, True)]


def test_what_is_stored_comes_by_name_with_the_key_that_guards_it(device: Device) -> None:
    as3 = AS3(device)
    as3.declare(wrapped(tenant("T1", lb(), label="bascule lb-1", remark="e1 f2 g3"), tenant("T2", small())))
    assert set(as3.declared()) == {"T1", "T2"}
    assert set(as3.declared(["T2", "T9"])) == {"T2"}
    assert as3.declared(["T9"]) == {}
    assert as3.declared([]) == {}
    stored = as3.declared(["T1"])["T1"]
    assert (stored.label, stored.remark) == ("bascule lb-1", "e1 f2 g3")
    assert stored.lock_key
    as3.declare(wrapped(tenant("T1", small("203.0.113.21"))))
    reply = as3.declare(wrapped(tenant("T1", lb(), optimisticLockKey=stored.lock_key), tenant("T2")))
    assert isinstance(reply, Result)
    assert {one.tenant: one.verdict for one in reply.tenants} == {"T1": Verdict.STALE, "T2": Verdict.DONE}


def test_what_is_not_there_costs_one_more_request_and_not_all_there_is(bigip: Box, device: Device) -> None:
    as3 = AS3(device)
    as3.declare(wrapped(tenant("T1", lb()), tenant("T2", small()), tenant("T3", small("203.0.113.30"))))
    asked, everything = Counted(bigip, "GET", "declare"), Counted(bigip, "GET", "declare$")
    assert set(as3.declared(["T1", "T8", "T2", "T9"])) == {"T1", "T2"}
    assert (asked.so_far(), everything.so_far()) == (2, 0)
    assert as3.declared(["T8", "T9"]) == {}
    assert (asked.so_far(), everything.so_far()) == (3, 0)


def test_the_guilty_tenant_of_a_rejected_request_is_named(bigip: Box, device: Device) -> None:
    as3 = AS3(device)
    bad = small()
    bad["vs"]["pool"] = "nowhere"
    request = wrapped(tenant("T1", lb()), tenant("T2", bad))
    for answer in (as3.declare(request), finished(bigip, as3, later(as3, request))):
        assert isinstance(answer, Rejection)
        assert answer.tenants == ("T2",)
        assert "/T2/app/vs/pool: contains path to non-existent object nowhere" in answer.text
    assert as3.declared() == {}


def test_a_tenant_that_the_device_refuses_does_not_hold_up_the_others(bigip: Box, device: Device) -> None:
    bigip.fault("refuse", tenant="T2", text="01070734:3: Configuration error: /T2/app/vs does not please")
    reply = AS3(device).declare(wrapped(tenant("T1", lb()), tenant("T2", small())))
    assert isinstance(reply, Result)
    assert [(one.tenant, one.verdict, one.code) for one in reply.tenants] == [
        ("T1", Verdict.DONE, 200),
        ("T2", Verdict.REFUSED, 422),
    ]
    assert reply.tenants[1].text == "declaration failed: 01070734:3: Configuration error: /T2/app/vs does not please"


@pytest.mark.parametrize("kind", ["failed-script", "read-failure"])
def test_trouble_of_the_device_is_no_refusal(bigip: Box, device: Device, kind: str) -> None:
    as3 = AS3(device)
    as3.declare(wrapped(tenant("T1", small())))
    bigip.fault(kind)
    reply = as3.declare(wrapped(tenant("T1", lb())))
    assert isinstance(reply, Result)
    assert [(one.tenant, one.verdict) for one in reply.tenants] == [("T1", Verdict.TROUBLE)]
    again = as3.declare(wrapped(tenant("T1", lb())))
    assert isinstance(again, Result)
    assert [(one.verdict, one.changed) for one in again.tenants] == [(Verdict.DONE, True)]


def test_a_late_script_is_trouble_and_sending_it_again_tells(connect: Connect) -> None:
    with box(speed=100) as bigip:
        as3 = AS3(connect(bigip.url))
        bigip.fault("late-script", seconds=100)
        reply = as3.declare(wrapped(tenant("T1", lb())))
        assert isinstance(reply, Result)
        assert [one.verdict for one in reply.tenants] == [Verdict.TROUBLE]
        bigip.until(lambda: bigip.get("/mgmt/tm/ltm/virtual").body.get("items"))
        again = as3.declare(wrapped(tenant("T1", lb())))
        assert isinstance(again, Result)
        assert [(one.verdict, one.changed) for one in again.tenants] == [(Verdict.DONE, False)]
        as3.device.close()


@pytest.mark.parametrize("kind", ["store-failure", "device-read-failure", "context-timeout"])
def test_when_as3_fails_nobody_knows_what_was_done(bigip: Box, device: Device, kind: str) -> None:
    as3 = AS3(device)
    as3.info()
    bigip.fault(kind, **({"method": "POST"} if kind == "context-timeout" else {}))
    reply = as3.declare(wrapped(tenant("T1", lb())))
    assert isinstance(reply, Unclear)
    assert "500" in reply.text
    assert "XXXXXX" not in reply.text
    again = as3.declare(wrapped(tenant("T1", lb())))
    assert isinstance(again, Result)
    assert [one.verdict for one in again.tenants] == [Verdict.DONE]


def test_another_writer_means_occupied_at_once_and_in_a_task(bigip: Box, device: Device) -> None:
    as3 = AS3(device)
    bigip.ask("POST", "/emulator/busy", {"seconds": 60})
    request = wrapped(tenant("T1", lb()))
    assert isinstance(as3.declare(request), Occupied)
    assert isinstance(finished(bigip, as3, later(as3, request)), Occupied)


def test_as3_that_loads_is_occupied(connect: Connect) -> None:
    with box(as3_start=3600) as bigip:
        as3 = AS3(connect(bigip.url))
        assert isinstance(as3.declare(wrapped(tenant("T1", lb()))), Occupied)
        for ask in (as3.info, as3.declared, lambda: as3.task("4711")):
            with pytest.raises(Busy, match="Public URI path not registered"):
                ask()
        as3.device.close()


def test_what_takes_longer_than_as3_waits_becomes_a_task(connect: Connect) -> None:
    with box(speed=100) as bigip:
        as3 = AS3(connect(bigip.url))
        bigip.fault("slow", seconds=6000)
        began = as3.declare(wrapped(tenant("T1", lb())))
        assert isinstance(began, Task)
        bigip.release()
        assert isinstance(finished(bigip, as3, began), Result)
        as3.device.close()


def test_a_task_that_a_restart_ended_is_unclear(bigip: Box, device: Device) -> None:
    as3 = AS3(device)
    bigip.fault("slow", seconds=60)
    began = later(as3, wrapped(tenant("T1", lb())))
    assert isinstance(began, Task)
    assert as3.task(began.id) == began
    bigip.ask("POST", "/emulator/reboot", {"seconds": 0})
    assert isinstance(as3.task(began.id), Unclear)
    assert isinstance(as3.task("419a3288-3925-45b0-8b62-d1c1b03f44bc"), Unclear)


def test_a_reset_after_the_change_raises_and_sending_it_again_tells(bigip: Box, device: Device) -> None:
    as3 = AS3(device)
    as3.info()
    bigip.fault("reset-after", method="POST", path="declare")
    with pytest.raises(OutcomeUnknown):
        as3.declare(wrapped(tenant("T1", lb())))
    again = as3.declare(wrapped(tenant("T1", lb())))
    assert isinstance(again, Result)
    assert [(one.verdict, one.changed) for one in again.tenants] == [(Verdict.DONE, False)]
