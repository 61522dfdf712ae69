"""Many at once: the lock, the queue, tasks, and the switch after 45 seconds."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.emulator.site import DECLARE, TASK, Answer, Box, adc, box, lb, small, tenant

pytestmark = pytest.mark.slow

BUSY = "Error: Configuration operation in progress on device localhost, please try again in 2 minutes"


def result(bigip: Box, number: str) -> dict[str, Any]:
    answer = bigip.get(f"{TASK}/{number}")
    assert answer.status == 200
    found: dict[str, Any] = answer.body["results"][0]
    return found


def finished(bigip: Box, number: str) -> dict[str, Any]:
    return bigip.until(lambda: (found := result(bigip, number))["message"] != "in progress" and found)  # type: ignore[no-any-return]


def later(bigip: Box, *tenants: dict[str, Any]) -> Answer:
    return bigip.ask("POST", f"{DECLARE}?async=true", adc(*tenants))


def test_an_asynchronous_request_is_a_task(bigip: Box) -> None:
    bigip.fault("slow", seconds=600)
    answer = later(bigip, tenant("T1", lb()))
    number = answer.body["id"]
    assert answer.status == 202
    assert answer.body == {
        "id": number, "declaration": {}, "selfLink": f"https://localhost{TASK}/{number}",
        "results": [{"message": "Declaration successfully submitted", "tenant": "", "host": "", "runTime": 0, "code": 0,
                     "declarationId": "d1"}],
    }  # fmt: skip
    assert result(bigip, number) == {"message": "in progress", "tenant": "", "host": "", "runTime": 0, "code": 0}
    bigip.release()
    assert finished(bigip, number)["code"] == 200
    done = bigip.get(f"{TASK}/{number}").body
    assert done["declaration"]["T1"]["app"] == lb()
    assert "code" not in done


def test_a_task_hides_its_failure_in_the_results(bigip: Box) -> None:
    wrong = small()
    wrong["vs"]["pool"] = "nope"
    found = finished(bigip, later(bigip, tenant("T1", wrong)).body["id"])
    assert (found["code"], found["message"], found["tenant"]) == (422, "declaration is invalid", ["T1"])


def test_a_patient_client_gets_a_task_after_45_seconds() -> None:
    with box(speed=50) as bigip:
        bigip.fault("slow", seconds=6000)
        answer = bigip.declare(tenant("T1", lb()))
        assert answer.status == 202
        bigip.release()
        assert finished(bigip, answer.body["id"])["code"] == 200


def test_one_writes_and_the_others_are_told_to_come_back(bigip: Box) -> None:
    bigip.fault("slow", seconds=600)
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(bigip.declare, tenant(f"T{number}", small(f"10.1.0.{number}"))) for number in range(1, 5)]
        bigip.until(lambda: sum(each.done() for each in asked) == 3)
        refused = next(each.result() for each in asked if each.done())
        bigip.release()
    assert sorted(each.result().status for each in asked) == [200, 503, 503, 503]
    assert refused.body["message"] == BUSY
    assert refused.body["declarationId"] == "d1"


def test_reading_goes_on_while_somebody_writes(bigip: Box) -> None:
    bigip.declare(tenant("T1", lb()))
    bigip.fault("slow", seconds=600)
    number = later(bigip, tenant("T2", small())).body["id"]
    assert "T1" in bigip.get(DECLARE).body
    bigip.release()
    assert finished(bigip, number)["code"] == 200


def test_asynchronous_losers_find_503_in_their_task(bigip: Box) -> None:
    bigip.fault("slow", seconds=600)
    first = later(bigip, tenant("T1", small("10.1.0.1"))).body["id"]
    bigip.until(lambda: bigip.get("/emulator/faults").body["faults"] == [])
    second = later(bigip, tenant("T2", small("10.1.0.2")))
    assert second.status == 202
    found = finished(bigip, second.body["id"])
    assert (found["code"], found["message"]) == (503, BUSY)
    bigip.release()
    assert finished(bigip, first)["code"] == 200


def test_the_queue_holds_ten(bigip: Box) -> None:
    bigip.ask("POST", "/mgmt/shared/appsvcs/settings", {"burstHandlingEnabled": True})
    bigip.fault("slow", seconds=600)
    running = [later(bigip, tenant("T0", small("10.1.0.100"))).body["id"]]
    bigip.until(lambda: bigip.get("/emulator/faults").body["faults"] == [])
    running += [later(bigip, tenant(f"T{number}", small(f"10.1.0.{number}"))).body["id"] for number in range(1, 11)]
    full = bigip.declare(tenant("T11", small("10.1.0.11")))
    assert full.status == 503
    assert full.body["message"].startswith("Error: Too many configuration operations are in progress on the device.")
    dropped = finished(bigip, later(bigip, tenant("T12", small("10.1.0.12"))).body["id"])
    assert (dropped["message"], dropped["code"]) == ("task cancelled", 0)
    bigip.release()
    assert [finished(bigip, number)["code"] for number in running] == [200] * 11


def test_twenty_five_finished_tasks_are_kept(bigip: Box) -> None:
    first = later(bigip, tenant("T1", small())).body["id"]
    finished(bigip, first)
    for _ in range(25):
        bigip.declare(tenant("T1", small()))
    assert len(bigip.get(TASK).body["items"]) == 25
    lost = bigip.get(f"{TASK}/{first}")
    assert (lost.status, lost.body) == (404, {"message": f"No record found with ID of {first}"})


def test_a_restart_cancels_what_is_on_its_way(bigip: Box) -> None:
    bigip.fault("slow", seconds=600)
    number = later(bigip, tenant("T1", lb())).body["id"]
    bigip.until(lambda: bigip.get("/emulator/faults").body["faults"] == [])
    bigip.ask("POST", "/emulator/reboot", {"seconds": 0})
    found = result(bigip, number)
    assert (found["message"], found["code"]) == ("task cancelled", 0)
    bigip.release()
    assert bigip.declare(tenant("T2", small())).status == 200
    assert "T1" not in bigip.get(DECLARE).body
