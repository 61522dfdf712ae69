"""The switchboard, and the outcomes that lie."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import urllib3

from tests.emulator.site import DECLARE, Box, box, lb, small, tenant

pytestmark = pytest.mark.slow

VERSION = "/mgmt/tm/sys/version"


def test_latency(bigip: Box) -> None:
    bigip.fault("latency", seconds=0.5, path="/stats$")
    started = time.monotonic()
    assert bigip.get(VERSION).status == 200
    assert bigip.get("/emulator/faults").body["faults"][0]["hits"] == 0
    bigip.get("/mgmt/tm/ltm/virtual/stats")
    assert time.monotonic() - started >= 0.5
    assert bigip.get("/emulator/faults").body == {"faults": []}


def test_a_request_is_held_until_it_is_released(bigip: Box) -> None:
    bigip.fault("hold", method="POST", path="declare")
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(bigip.declare, tenant("T1", lb()))
        bigip.until(lambda: bigip.get("/emulator/faults").body == {"faults": []})
        assert bigip.declare(tenant("T2", small())).status == 200
        assert (held.done(), bigip.get(f"{DECLARE}/T1").status) == (False, 404)
        assert bigip.ask("POST", "/emulator/release").status == 204
        assert held.result(30).status == 200


def test_a_reset_before_the_change_and_one_after_it(bigip: Box) -> None:
    bigip.fault("reset-before", method="POST", path="declare")
    with pytest.raises(urllib3.exceptions.ProtocolError):
        bigip.declare(tenant("T1", lb()))
    assert bigip.get(DECLARE).status == 204
    bigip.fault("reset-after", method="POST", path="declare")
    with pytest.raises(urllib3.exceptions.ProtocolError):
        bigip.declare(tenant("T1", lb()))
    assert bigip.get(DECLARE).status == 200
    assert bigip.declare(tenant("T1", lb())).results == [("T1", 200, "no change")]


@pytest.mark.parametrize(
    ("kind", "status"), [("bad-gateway", 502), ("unavailable", 503), ("unauthorized", 401), ("context-timeout", 500)]
)
def test_answers_of_what_stands_in_front(bigip: Box, kind: str, status: int) -> None:
    bigip.fault(kind, times=2)
    answers = [bigip.get(VERSION) for _ in range(3)]
    assert [answer.status for answer in answers] == [status, status, 200]
    assert (answers[0].body is None) == (kind == "bad-gateway")


def test_faults_can_be_removed_and_end_by_themselves() -> None:
    with box(speed=100) as bigip:
        bigip.fault("unavailable", times=None)
        number = bigip.get("/emulator/faults").body["faults"][0]["id"]
        assert bigip.get(VERSION).status == 503
        assert bigip.ask("DELETE", f"/emulator/faults/{number}").status == 204
        assert bigip.get(VERSION).status == 200
        bigip.fault("unavailable", times=None, life=50)
        bigip.until(lambda: bigip.get(VERSION).status == 200)
        bigip.fault("unavailable", times=None)
        bigip.ask("DELETE", "/emulator/faults")
        assert bigip.get(VERSION).status == 200


@pytest.mark.parametrize("body", [{"kind": "rain"}, {"kind": "latency", "often": 1}, {"kind": "latency", "path": "("}, {}])
def test_the_switchboard_says_what_is_allowed(bigip: Box, body: dict[str, object]) -> None:
    answer = bigip.ask("POST", "/emulator/faults", body)
    assert answer.status == 422
    assert answer.body["message"]


def test_what_is_to_be_lost_is_a_list(bigip: Box) -> None:
    for wrong in ("T1", 1):
        answer = bigip.ask("POST", "/emulator/lose-configuration", {"tenants": wrong})
        assert (answer.status, answer.body["message"]) == (422, "tenants has to be a list of names")


def test_the_switchboard_is_for_those_who_may(bigip: Box) -> None:
    assert bigip.ask("GET", "/emulator/faults", headers={}).status == 401


def test_busy_for_minutes() -> None:
    with box(speed=200) as bigip:
        bigip.ask("POST", "/emulator/busy", {"seconds": 120})
        assert bigip.declare(tenant("T1", lb())).status == 503
        bigip.until(lambda: bigip.declare(tenant("T1", lb())).status == 200)


def test_every_token_expires(bigip: Box) -> None:
    login = {"username": "admin", "password": "s3cret-of-the-device"}
    token = bigip.ask("POST", "/mgmt/shared/authn/login", login, headers={}).body["token"]["token"]
    bigip.ask("POST", "/emulator/expire-tokens", {})
    assert bigip.ask("GET", VERSION, headers={"X-F5-Auth-Token": token}).status == 401


def test_a_late_script_fails_first_and_works_then() -> None:
    with box(speed=100) as bigip:
        bigip.fault("late-script", seconds=100)
        answer = bigip.declare(tenant("T1", lb()))
        (result,) = answer.body["results"]
        assert (answer.status, result["response"]) == (422, "TMSH CLI script taking longer than expected")
        assert result["runTime"] > 30000
        assert bigip.get("/mgmt/tm/ltm/pool").body.get("items") is None
        bigip.until(lambda: bigip.get("/mgmt/tm/ltm/pool").body.get("items"))
        assert bigip.get(DECLARE).status == 204
        assert bigip.declare(tenant("T1", lb())).results == [("T1", 200, "no change")]


def test_a_late_script_does_not_undo_what_came_after_it() -> None:
    with box(speed=100) as bigip:
        bigip.declare(tenant("T1", small()))
        bigip.fault("late-script", seconds=30)
        assert bigip.declare(tenant("T1")).status == 422
        assert bigip.declare(tenant("T1", small("203.0.113.21"))).status == 200
        bigip.emulator.device.clock.sleep(90)
        assert bigip.get("/mgmt/tm/ltm/virtual").body["items"][0]["destination"] == "/T1/203.0.113.21:80"


def test_a_failed_script(bigip: Box) -> None:
    bigip.fault("failed-script")
    answer = bigip.declare(tenant("T1", lb()))
    assert answer.body["results"][0]["response"] == "TMSH CLI script failed during execution"


def test_500_after_the_change(bigip: Box) -> None:
    bigip.fault("store-failure")
    answer = bigip.declare(tenant("T1", lb()))
    assert (answer.status, answer.body["declarationFullId"]) == (500, "d1")
    assert "store a declaration response=400" in answer.body["message"]
    assert bigip.get("/mgmt/tm/ltm/pool").body["items"]
    assert bigip.get(DECLARE).status == 204


def test_reads_that_fail(bigip: Box) -> None:
    bigip.fault("read-failure", tenant="T2")
    answer = bigip.declare(tenant("T1", lb()), tenant("T2", small()))
    assert (answer.status, [result["code"] for result in answer.body["results"]]) == (207, [200, 400])
    assert "http://admin:XXXXXX@localhost:8100" in answer.body["results"][1]["message"]
    bigip.fault("device-read-failure")
    assert bigip.declare(tenant("T1", lb())).status == 500


def test_one_poisoned_tenant_among_many(bigip: Box) -> None:
    bigip.fault("refuse", tenant="T3", times=None, text="01070734:3: Configuration error: poison")
    answer = bigip.declare(*(tenant(f"T{number}", small(f"10.1.0.{number}")) for number in range(5)))
    assert [result["code"] for result in answer.body["results"]] == [200, 200, 200, 422, 200]


def test_a_reboot_loses_what_was_not_saved() -> None:
    with box(speed=100) as bigip:
        bigip.declare(tenant("T1", lb()), persist=True)
        bigip.declare(tenant("T2", small()))
        bigip.ask("POST", "/emulator/reboot", {"seconds": 50})
        with pytest.raises(urllib3.exceptions.ProtocolError):
            bigip.get(VERSION)

        def back() -> bool:
            try:
                return bigip.get(VERSION).status == 200
            except urllib3.exceptions.ProtocolError:
                return False

        bigip.until(back)
        assert "T1" in bigip.get(DECLARE).body
        assert "T2" not in bigip.get(DECLARE).body
        (pool,) = bigip.get("/mgmt/tm/ltm/pool").body["items"]
        assert pool["partition"] == "T1"


def test_configuration_is_lost_and_as3_does_not_know(bigip: Box) -> None:
    bigip.declare(tenant("T1", lb()), tenant("T2", small()))
    bigip.ask("POST", "/emulator/lose-configuration", {"tenants": ["T1"]})
    assert {"T1", "T2"} <= bigip.get(DECLARE).body.keys()
    assert [pool["partition"] for pool in bigip.get("/mgmt/tm/ltm/pool").body["items"]] == ["T2"]
    assert bigip.declare(tenant("T1", lb()), tenant("T2", small())).results == [("T1", 200, "success"), ("T2", 200, "no change")]
