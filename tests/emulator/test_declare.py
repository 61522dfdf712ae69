"""The answers to declarations, in the order of the letters under which they are known."""

from __future__ import annotations

import pytest

from tests.emulator.site import DECLARE, TASK, Box, adc, box, lb, small, tenant

pytestmark = pytest.mark.slow

TM = "/mgmt/tm"


def test_nothing_stored_is_204(bigip: Box) -> None:
    assert (bigip.get(DECLARE).status, bigip.get(DECLARE).text) == (204, "")
    missing = bigip.get(f"{DECLARE}/T1")
    assert (missing.status, missing.body["message"]) == (404, "declaration in specified path not found")


def test_an_unknown_tenant_is_404_even_among_others(bigip: Box) -> None:
    bigip.declare(tenant("T1", lb()))
    for path in ("T9", "T1,T9"):
        answer = bigip.get(f"{DECLARE}/{path}")
        assert (answer.status, answer.body["message"]) == (404, "specified Tenant(s) 'T9' not found in declaration")


def test_posting_twice_changes_nothing(bigip: Box) -> None:
    first = bigip.declare(tenant("T1", lb()))
    assert (first.status, first.results) == (200, [("T1", 200, "success")])
    assert "code" not in first.body
    assert first.body["results"][0]["lineCount"] > 0
    assert first.body["declaration"]["T1"]["app"] == lb()
    assert set(first.body["declaration"]) == {"T1", "class", "schemaVersion", "id", "updateMode", "controls"}
    second = bigip.declare(tenant("T1", lb()))
    assert second.results == [("T1", 200, "no change")]
    assert "lineCount" not in second.body["results"][0]


@pytest.mark.parametrize("monitors", [None, []])
def test_a_pool_can_lose_its_monitor_while_that_goes(bigip: Box, monitors: list[str] | None) -> None:
    bigip.declare(tenant("T1", lb()))
    without = lb()
    del without["pl_c4e8"]["monitors"], without["hm_91d0"], without["ls_2b91"]["remark"]
    if monitors is not None:
        without["pl_c4e8"]["monitors"] = monitors
    assert bigip.declare(tenant("T1", without)).results == [("T1", 200, "success")]
    assert "monitor" not in bigip.get(f"{TM}/ltm/pool/~T1~app~pl_c4e8").body
    assert bigip.declare(tenant("T1", without)).results == [("T1", 200, "no change")]


def test_an_empty_tenant_is_deleted_without_rest(bigip: Box) -> None:
    before = bigip.get("/emulator").body["objects"]
    bigip.declare(tenant("T1", lb()))
    answer = bigip.declare(tenant("T1"))
    assert answer.results == [("T1", 200, "success")]
    assert "T1" not in answer.body["declaration"]
    assert bigip.get("/emulator").body["objects"] == before
    assert bigip.declare(tenant("T1")).results == [("T1", 200, "no change")]
    assert bigip.get(f"{DECLARE}/T7").status == 204


def test_each_tenant_succeeds_or_fails_by_itself(bigip: Box) -> None:
    answer = bigip.declare(tenant("T1", small("10.1.0.1")), tenant("T2", small("10.1.0.1")))
    assert (answer.status, answer.body["code"]) == (207, 207)
    assert answer.results == [("T1", 200, "success"), ("T2", 422, "declaration failed")]
    assert answer.body["results"][1]["response"].startswith("01070333:3: Virtual Server /T2/app/vs illegally shares")
    assert "T2" not in answer.body["declaration"]
    assert bigip.get(f"{TM}/ltm/pool").body["items"][0]["fullPath"] == "/T1/app/pool"


def test_a_refused_tenant_shows_as_it_was_accepted_last(bigip: Box) -> None:
    bigip.declare(tenant("T1", small("10.1.0.1")))
    bigip.declare(tenant("T2", small("10.1.0.2")))
    bad = bigip.declare(tenant("T2", small("10.1.0.1")))
    assert (bad.status, bad.body["code"], bad.results) == (422, 422, [("T2", 422, "declaration failed")])
    for declaration in (bad.body["declaration"], bigip.get(DECLARE).body):
        assert declaration["T2"]["app"]["vs"]["virtualAddresses"] == ["10.1.0.2"]


def test_one_wrong_pointer_rejects_the_whole_request(bigip: Box) -> None:
    wrong = small()
    wrong["vs"]["pool"] = "nope"
    answer = bigip.declare(tenant("T1", lb()), tenant("T6", wrong))
    assert answer.status == 422
    assert answer.body == {
        "code": 422, "errors": ["/T6/app/vs/pool: contains path to non-existent object nope"], "message": "declaration is invalid",
        "host": "localhost", "tenant": ["T6"], "declarationId": "d1",
    }  # fmt: skip
    assert bigip.get(DECLARE).status == 204


def test_what_concerns_the_request_names_nobody(bigip: Box) -> None:
    answer = bigip.ask("POST", DECLARE, adc(tenant("T1", {"class": "Application", "Nope": 1})))
    assert answer.body == {"code": 422, "message": "Invalid data property: Nope"}
    answer = bigip.ask("POST", DECLARE, {"class": "AS3", "declaration": {}})
    assert answer.body == {"code": 422, "message": "Invalid request: /declaration: should have required property 'class'"}
    answer = bigip.ask("POST", DECLARE, {"class": "AS3", "action": "remove", "declaration": adc()})
    assert (answer.status, answer.body["message"]) == (400, 'for action "remove", a declaration is not allowed.')
    answer = bigip.ask("POST", DECLARE, {"class": "AS3", "action": "explode", "declaration": adc()})
    assert answer.body["message"].startswith("Invalid request: /action: should be equal to one of the allowed values [")


def test_a_stale_key_fails_its_tenant_alone(bigip: Box) -> None:
    bigip.declare(tenant("T1", lb()))
    key = bigip.get(f"{DECLARE}/T1?showHash=true").body["T1"]["optimisticLockKey"]
    fresh = bigip.declare(tenant("T1", lb("203.0.113.10"), label="one", optimisticLockKey=key))
    assert fresh.results == [("T1", 200, "no change")]
    stale = bigip.declare(tenant("T1", lb(), optimisticLockKey=key), tenant("T2", small()))
    assert stale.status == 207
    assert stale.body["results"][0]["message"].startswith("The hash you submitted does not match the hash on the current Tenant.")
    new = bigip.declare(tenant("T3", small("10.1.0.3"), optimisticLockKey="anything"))
    assert new.results == [("T3", 200, "success")]


def test_a_dry_run_stores_and_changes_nothing(bigip: Box) -> None:
    controls = {"class": "Controls", "traceResponse": True}
    body = {"class": "AS3", "action": "dry-run", "declaration": adc(tenant("T1", lb()), controls=controls)}
    answer = bigip.ask("POST", DECLARE, body)
    assert answer.body["dryRun"] is True
    assert answer.body["results"][0]["dryRun"] is True
    assert answer.body["declaration"]["T1"]["app"] == lb()
    assert answer.body["traces"]["T1Current"] == {}
    assert {"kind": "N", "path": ["/T1/app/pl_c4e8"]}.items() <= next(
        change for change in answer.body["traces"]["T1Diff"] if change["command"] == "ltm pool"
    ).items()
    assert bigip.get(DECLARE).status == 204
    asked = bigip.ask("POST", f"{DECLARE}?controls.dryRun=true", adc(tenant("T1", lb())))
    assert asked.body["dryRun"] is True
    one = bigip.declare(tenant("T1", lb()), tenant("T2", small(), controls={"class": "Controls", "dryRun": True}))
    assert one.body["dryRun"] is True
    assert "items" not in bigip.get(f"{TM}/ltm/pool").body


def test_a_request_without_tenants(bigip: Box) -> None:
    answer = bigip.declare()
    assert (answer.status, answer.body["results"]) == (200, [{"message": "no change", "host": "localhost", "code": 200}])
    assert bigip.ask("DELETE", DECLARE).status == 200


def shared(pool: str) -> dict[str, object]:
    item = {"class": "Pool", "members": [{"servicePort": 80, "serverAddresses": ["10.9.9.9"], "shareNodes": True}]}
    return {"Common": {"class": "Tenant", "Shared": {"class": "Application", "template": "shared", pool: item}}}


def test_common_comes_twice(bigip: Box) -> None:
    answer = bigip.declare(shared("pool1"), tenant("T1", lb()))
    assert answer.results == [("Common", 200, "success"), ("T1", 200, "success"), ("Common", 200, "no change")]
    swapped = bigip.declare(shared("pool2"))
    assert swapped.results == [("Common", 200, "success"), ("Common", 200, "success")]
    assert bigip.get(f"{TM}/ltm/pool/~Common~Shared~pool1").status == 404
    pointing = small()
    pointing["vs"]["pool"] = "/Common/Shared/pool2"
    del pointing["pool"]
    assert bigip.declare(tenant("T2", pointing)).results == [("T2", 200, "success")]
    names = [result[0] for result in bigip.ask("DELETE", DECLARE).results]
    assert (names[0], names[-1], sorted(names[1:-1])) == ("Common", "Common", ["T1", "T2"])
    assert bigip.get(f"{TM}/ltm/pool").body.get("items") is None


def test_applications_of_one_tenant(bigip: Box) -> None:
    applications = f"{DECLARE}/T2/applications"
    made = bigip.ask("POST", applications, {"schemaVersion": "3.50.0", "c": small("10.1.0.1")})
    assert (made.status, made.results) == (200, [("T2", 200, "success")])
    assert made.body["declaration"] == {"schemaVersion": "3.50.0", "c": small("10.1.0.1")}
    bigip.ask("POST", applications, {"schemaVersion": "3.50.0", "d": small("10.1.0.2")})
    assert {"c", "d"} <= bigip.get(applications).body.keys()
    assert "d" not in bigip.get(f"{applications}/c").body
    bad = small("10.1.0.3")
    bad["vs"]["pool"] = "zz"
    assert bigip.ask("POST", applications, {"schemaVersion": "3.50.0", "c": bad}).body["tenant"] == ["T2"]
    assert bigip.get(f"{applications}/e").body["message"] == "specified Application 'e' not found in 'T2'"
    assert bigip.get(f"{DECLARE}/P1/applications").body["message"] == "specified tenant 'P1' not found in declaration"
    assert bigip.ask("POST", f"{applications}/c", {"schemaVersion": "3.50.0"}).status == 400
    assert bigip.ask("POST", f"{DECLARE}/P1,P2/applications", {}).status == 400
    stumble = bigip.ask("DELETE", f"{applications}/e")
    assert (stumble.status, stumble.body["message"]) == (500, "Cannot read properties of undefined (reading 'controls')")
    gone = bigip.ask("DELETE", f"{applications}/c")
    assert set(gone.body["declaration"]["T2"]) == {"class", "d"}
    bigip.ask("DELETE", f"{applications}/d")
    assert bigip.get(DECLARE).status == 204
    assert bigip.get(f"{TM}/auth/partition/T2").status == 404


def test_applications_can_be_switched_off(bigip: Box) -> None:
    settings = "/mgmt/shared/appsvcs/settings"
    assert bigip.get(settings).body["perAppDeploymentAllowed"] is True
    assert bigip.ask("POST", settings, {"perAppDeploymentAllowed": False}).body["perAppDeploymentAllowed"] is False
    assert bigip.ask("POST", f"{DECLARE}/T2/applications", {"schemaVersion": "3.50.0"}).status == 400
    wrong = bigip.ask("POST", settings, {"colour": "red"})
    assert (wrong.status, wrong.body["errors"][0]["keyword"]) == (422, "additionalProperties")


def test_an_array_isolates_its_elements(bigip: Box) -> None:
    bad = small()
    bad["vs"]["pool"] = "no"
    bodies = [adc(tenant("T1", bad)), adc(tenant("T4", small("10.1.0.4"))), adc(tenant("T5", small("10.1.0.5")))]
    answer = bigip.ask("POST", DECLARE, bodies)
    assert (answer.status, answer.body["code"]) == (207, 207)
    assert [item.get("code") for item in answer.body["items"]] == [422, None, None]
    assert answer.body["items"][0]["tenant"] == ["T1"]
    assert bigip.ask("POST", DECLARE, bodies[1:]).status == 200
    later = bigip.ask("POST", f"{DECLARE}?async=true", bodies)
    assert (later.status, len({item["id"] for item in later.body["items"]})) == (202, 3)


def test_reading_in_every_form(bigip: Box) -> None:
    bigip.declare(tenant("T1", lb()))
    bigip.declare(tenant("T2", small()))
    assert {"T1", "T2"} <= bigip.get(DECLARE).body.keys()
    assert "T2" not in bigip.get(f"{DECLARE}/T1").body
    pools = bigip.get(f"{DECLARE}?filterClass=Pool").body
    assert {name: list(one["app"]) for name, one in pools.items()} == {"T1": ["pl_c4e8"], "T2": ["pool"]}
    assert bigip.get(f"{DECLARE}/T1?filterClass=Application").body == {"T1": {"app": lb()}}
    full = bigip.get(f"{DECLARE}/T1?show=full").body["T1"]["app"]["pl_c4e8"]
    assert (full["slowRampTime"], full["members"][0]["ratio"]) == (10, 1)
    ages = bigip.get(f"{DECLARE}?age=list").body
    assert [entry["age"] for entry in ages] == [0, 1]
    assert ages[0]["timestamp"] > ages[1]["timestamp"]
    assert "T2" not in bigip.get(f"{DECLARE}?age=1").body


def test_the_history_is_short(bigip: Box) -> None:
    for number in range(6):
        bigip.declare(tenant(f"T{number}", small(f"10.1.0.{number}")))
    assert len(bigip.get(f"{DECLARE}?age=list").body) == 4
    bigip.declare(tenant("T9", small("10.1.0.99")), historyLimit=2)
    assert len(bigip.get(f"{DECLARE}?age=list").body) == 2
    again = bigip.ask("POST", DECLARE, {"class": "AS3", "action": "redeploy", "redeployAge": 1, "redeployUpdateMode": "complete"})
    assert again.status == 200
    assert "T9" not in bigip.get(DECLARE).body
    got = bigip.ask("POST", TASK, {"class": "AS3", "action": "retrieve", "retrieveAge": 1})
    assert "T9" in got.body
    assert bigip.ask("POST", TASK, {"class": "AS3", "declaration": adc()}).status == 400


def test_selective_and_complete(bigip: Box) -> None:
    bigip.declare(tenant("T1", small("10.1.0.1")), tenant("T2", small("10.1.0.2")))
    bigip.declare(tenant("T3", small("10.1.0.3")))
    assert {"T1", "T2", "T3"} <= bigip.get(DECLARE).body.keys()
    answer = bigip.declare({"updateMode": "complete"}, tenant("T3", small("10.1.0.3")))
    assert sorted(answer.results) == [("T1", 200, "success"), ("T2", 200, "success"), ("T3", 200, "no change")]
    assert not {"T1", "T2"} & bigip.get(DECLARE).body.keys()


def test_the_url_narrows_what_is_posted_and_deleted(bigip: Box) -> None:
    answer = bigip.declare(tenant("T1", small("10.1.0.1")), tenant("T2", small("10.1.0.2")), path="/T1")
    assert answer.results == [("T1", 200, "success")]
    assert bigip.declare(tenant("T1", small("10.1.0.1")), path="/T7").body["results"][0]["message"] == "no change"
    bigip.declare(tenant("T2", small("10.1.0.2")))
    assert bigip.ask("DELETE", f"{DECLARE}/T1,T8").results == [("T1", 200, "success"), ("T8", 200, "no change")]
    assert "T2" in bigip.get(DECLARE).body


def test_json_patch(bigip: Box) -> None:
    bigip.declare(tenant("T1", small("10.1.0.1")), tenant("T2", small("10.1.0.2")))
    members = "/T1/app/pool/members"
    new = {"servicePort": 80, "serverAddresses": ["10.9.0.2"], "shareNodes": True}
    answer = bigip.ask("PATCH", DECLARE, [{"op": "add", "path": f"{members}/-", "value": new}])
    assert answer.results == [("T1", 200, "success")]
    assert len(bigip.get(f"{TM}/ltm/pool/~T1~app~pool/members").body["items"]) == 2
    bigip.ask("PATCH", DECLARE, [{"op": "remove", "path": f"{members}/0"}, {"op": "remove", "path": "/T2"}])
    assert "T2" not in bigip.get(DECLARE).body
    lost = bigip.ask("PATCH", DECLARE, [{"op": "replace", "path": "/T1/zz/p1/members", "value": []}])
    assert lost.body == {"code": 422, "message": "InvalidPatchOperationError: path does not exist /T1/zz/p1/members"}
    unsupported = bigip.ask("PATCH", DECLARE, [{"op": "test", "path": "/T1"}])
    assert unsupported.body["message"] == "invalid patch - op 'test' is not supported"


def test_bodies_that_are_none(bigip: Box) -> None:
    empty = bigip.ask("POST", DECLARE)
    assert (empty.status, empty.body["message"]) == (408, "Request exceeded iControl LX timeout")
    assert bigip.ask("POST", DECLARE, b"x").status == 400


def test_queries_and_paths_are_checked(bigip: Box) -> None:
    messages = {
        "?colour=red": 'unrecognized URL query parameter "colour"',
        "?async=yes": 'async must be "true" or "false"',
        "?show=all": 'show must be "base", "full", or "expanded"',
        "?age=99": 'invalid age value "99" - must be between 0-15 or "list"',
        "?age=%C2%B2": 'invalid age value "²" - must be between 0-15 or "list"',
    }
    for query, message in messages.items():
        answer = bigip.get(DECLARE + query)
        assert (answer.status, answer.body["message"]) == (400, message)
    nowhere = bigip.get("/mgmt/shared/appsvcs/nowhere")
    assert (nowhere.status, nowhere.body["message"]) == (400, "Bad Request: Invalid path")


def test_the_framework_answers_while_as3_loads() -> None:
    with box(speed=20, as3_start=10) as bigip:
        loading = bigip.get("/mgmt/shared/appsvcs/info")
        assert (loading.status, loading.body["message"]) == (404, "Public URI path not registered")
        assert bigip.get("/mgmt/tm/sys/version").status == 200
        bigip.until(lambda: bigip.get("/mgmt/shared/appsvcs/info").status == 200)


def test_names_of_too_many_tenants_do_not_fit_the_record(bigip: Box) -> None:
    many = [tenant(f"T{number:04}_{'x' * 200}"[:190], {"class": "Application"}) for number in range(345)]
    answer = bigip.declare(*many)
    assert answer.status == 500
    assert "Max string size exceeded during update of attribute:data type:class_value_item max:65520" in answer.body["message"]
    assert bigip.get(DECLARE).status == 204
    assert len(bigip.get(f"{TM}/auth/partition").body["items"]) == 346
    bigip.ask("POST", "/mgmt/shared/appsvcs/settings", {"encodeDeclarationMetadata": True})
    assert bigip.declare(*many).status == 200
