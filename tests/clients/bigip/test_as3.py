"""AS3 against the emulated device: what is handed in, what comes back, and what is stored."""

from __future__ import annotations

from typing import Any

from bascule.clients.bigip import AS3, Device
from bascule.clients.bigip.replies import Rejection, Reply, Result, Task, Verdict
from tests.emulator.site import Box, adc, lb, small, tenant


def wrapped(*tenants: dict[str, Any]) -> dict[str, Any]:
    return {"class": "AS3", "persist": False, "declaration": adc(*tenants)}


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


def test_later_means_a_task_that_comes_to_the_same(bigip: Box, device: Device) -> None:
    as3 = AS3(device)
    reply = finished(bigip, as3, as3.declare(wrapped(tenant("T1", lb())), later=True))
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


def test_the_guilty_tenant_of_a_rejected_request_is_named(bigip: Box, device: Device) -> None:
    as3 = AS3(device)
    bad = small()
    bad["vs"]["pool"] = "nowhere"
    request = wrapped(tenant("T1", lb()), tenant("T2", bad))
    for reply in (as3.declare(request), finished(bigip, as3, as3.declare(request, later=True))):
        assert isinstance(reply, Rejection)
        assert reply.tenants == ("T2",)
        assert "/T2/app/vs/pool: contains path to non-existent object nowhere" in reply.text
    assert as3.declared() == {}
