"""Every form in which AS3 answers, as its description has it, and what is made of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bascule.clients.bigip.clean import clean
from bascule.clients.bigip.replies import Occupied, Rejection, Reply, Result, Task, TenantResult, Unclear, Verdict, of_task, reply

DUPLICATE = "01070333:3: Virtual Server /T2/b/vs illegally shares destination address with Virtual Server /T1/a/vs."
DANGLING = "/T6/a/vs/pool: contains path to non-existent object nope"
LOCKED = "Error: Configuration operation in progress on device localhost, please try again in 2 minutes"
STALE = "The hash you submitted does not match the hash on the current Tenant. You will want to do a GET."


def result(tenant: str, code: int = 200, message: str = "success", **more: Any) -> dict[str, Any]:
    return {"code": code, "message": message, "host": "localhost", "tenant": tenant, "runTime": 18, "declarationId": "d1", **more}


def request(code: int, message: str, **more: Any) -> dict[str, Any]:
    return {"code": code, "message": message, "host": "localhost", "declarationId": "d1", **more}


def one(tenant: str, verdict: Verdict, code: int, text: str, changed: bool = False) -> TenantResult:
    return TenantResult(tenant, verdict, code, text, changed)


DONE = result("T1", lineCount=25)
HAS_BEEN_DONE = one("T1", Verdict.DONE, 200, "success", True)

WHOLE: list[tuple[int, dict[str, Any], Reply]] = [
    (422, request(422, "declaration is invalid", errors=[DANGLING], tenant=["T6"]),
     Rejection(f"declaration is invalid: {DANGLING}", ("T6",))),
    (422, request(422, "declaration is invalid", errors=[DANGLING]),
     Rejection(f"declaration is invalid: {DANGLING}", ("T6",))),
    (422, request(422, "Invalid data property: Nope"), Rejection("Invalid data property: Nope")),
    (422, request(422, "Unable to find /Common/nope for /T1/a/vs/pool"),
     Rejection("Unable to find /Common/nope for /T1/a/vs/pool", ("T1",))),
    (422, request(422, "declaration has duplicate values in members"), Rejection("declaration has duplicate values in members")),
    (400, request(400, 'for action "remove", a declaration is not allowed.'),
     Rejection('for action "remove", a declaration is not allowed.', (), 400)),
    (503, request(503, LOCKED, tenant=["T1"]), Occupied(LOCKED)),
    (500, request(500, "POST ... store a declaration response=400"),
     Unclear("POST ... store a declaration response=400 (code 500)")),
    (408, request(408, "Request exceeded iControl LX timeout"), Unclear("Request exceeded iControl LX timeout (code 408)")),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "wanted"), WHOLE)
def test_what_is_about_the_whole_request_means_the_same_inside_a_task(status: int, body: dict[str, Any], wanted: Reply) -> None:
    assert reply(status, body, "") == wanted
    assert of_task(200, {"id": "6281", "results": [body], "declaration": {}}, "") == wanted


@pytest.mark.parametrize(("results", "wanted"), [
    ([DONE], [HAS_BEEN_DONE]),
    ([result("T1", message="no change")], [one("T1", Verdict.DONE, 200, "no change")]),
    ([DONE, result("T2", 422, "declaration failed", response=DUPLICATE)],
     [HAS_BEEN_DONE, one("T2", Verdict.REFUSED, 422, f"declaration failed: {DUPLICATE}")]),
    ([result("T1", 422, STALE)], [one("T1", Verdict.STALE, 422, STALE)]),
    ([result("T1", 422, "declaration failed", response="TMSH CLI script taking longer than expected")],
     [one("T1", Verdict.TROUBLE, 422, "declaration failed: TMSH CLI script taking longer than expected")]),
    ([result("T1", 400, "failure querying config for tenant T1")],
     [one("T1", Verdict.TROUBLE, 400, "failure querying config for tenant T1")]),
    ([result("T1", 422, "declaration failed", response="01070734:3: the name timed out is taken")],
     [one("T1", Verdict.REFUSED, 422, "declaration failed: 01070734:3: the name timed out is taken")]),
    ([result("T1", 503, LOCKED)], [one("T1", Verdict.OCCUPIED, 503, LOCKED)]),
    ([result("Common", lineCount=20), DONE, result("Common", message="no change")],
     [one("Common", Verdict.DONE, 200, "success", True), HAS_BEEN_DONE, one("Common", Verdict.DONE, 200, "no change")]),
    ([{"message": "no change", "host": "localhost", "code": 200}], []),
    ([result("all_tenants", message="no change")], []),
])  # fmt: skip
def test_tenant_by_tenant_whatever_the_status(results: list[dict[str, Any]], wanted: list[TenantResult]) -> None:
    for status in (200, 207, 422):
        assert reply(status, {"results": results, "declaration": {}}, "") == Result(tuple(wanted))
    assert of_task(200, {"id": "6281", "results": results}, "") == Result(tuple(wanted))


@pytest.mark.parametrize(("message", "wanted"), [
    ("in progress", Task("6281")), ("Declaration successfully submitted", Task("6281")),
    ("task cancelled", Unclear("task cancelled")),
])  # fmt: skip
def test_code_zero_is_no_success(message: str, wanted: Reply) -> None:
    body = {"id": "6281", "results": [{"message": message, "tenant": "", "host": "", "runTime": 0, "code": 0}], "declaration": {}}
    assert of_task(200, body, "") == wanted
    assert reply(202, body, "") == wanted


def test_a_task_that_nobody_knows_is_unclear() -> None:
    text = "No record found with ID of 419a"
    assert of_task(404, {"message": text}, "") == Unclear(f"the task is not known any more: {text}")


@pytest.mark.parametrize("body", [
    [], "text", 7, {}, {"results": 7}, {"results": []}, {"results": [7]}, {"results": [{}]}, {"code": "422"}, {"errors": {"a": 1}},
    {"results": [{"tenant": "T1"}]}, {"results": [{"tenant": "T1", "code": "x", "runTime": "y"}]}, {"results": [{"code": 0}]},
    {"code": 422, "errors": [{"keyword": "additionalProperties"}], "message": "declaration is invalid"},
])  # fmt: skip
@pytest.mark.parametrize("status", [200, 202, 404, 422, 500])
def test_what_nobody_has_seen_yet_is_never_taken_for_done(body: Any, status: int) -> None:
    found = reply(status, body, json.dumps(body))
    if isinstance(found, Result):
        assert all(tenant.verdict is not Verdict.DONE for tenant in found.tenants)
    else:
        assert isinstance(found, Rejection | Unclear)


def test_keys_passwords_and_tokens_are_cut_out_of_what_the_device_says() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0B\n-----END PRIVATE KEY-----"
    assert clean(f'/T1/a/crt: data "{key}" should match') == '/T1/a/crt: data "***" should match'
    assert clean(f"cut off {key[:40]}") == "cut off ***"
    assert clean("GET http://admin:hunter2@localhost:8100/mgmt") == "GET http://***@localhost:8100/mgmt"
    assert clean("passphrase $M$Q7$xYs3xGCeS9hKWQ==") == "passphrase ***"
    assert clean("DELETE /mgmt/shared/authz/tokens/ABCDEF012345 failed") == "DELETE /mgmt/shared/authz/tokens/*** failed"
    assert clean("A" * 70) == "***"
    assert len(clean("word " * 1000)) == 2000
    name = "/b7q2k3m4n5p6r/app/ls_0f9e8d7c_6b5a_4938_2716_05f4e3d2c1b0: should be <= 65535"
    assert clean(name) == name
