from __future__ import annotations

import urllib3

from tests.emulator.site import PASSWORD, Box, box

LOGIN = "/mgmt/shared/authn/login"
TOKENS = "/mgmt/shared/authz/tokens"
VERSION = "/mgmt/tm/sys/version"


def login(bigip: Box) -> str:
    answer = bigip.ask("POST", LOGIN, {"username": "admin", "password": PASSWORD, "loginProviderName": "tmos"}, headers={})
    assert answer.status == 200
    token: str = answer.body["token"]["token"]
    return token


def status(bigip: Box, token: str) -> int:
    return bigip.ask("GET", VERSION, headers={"X-F5-Auth-Token": token}).status


def test_nobody_gets_in_without_showing_who_he_is(bigip: Box) -> None:
    answer = bigip.ask("GET", VERSION, headers={})
    assert answer.status == 401
    assert answer.body["message"] == "Authorization failed: no user authentication header or token detected."
    assert answer.body["kind"] == ":resterrorresponse"


def test_basic_authentication(bigip: Box) -> None:
    assert bigip.get(VERSION).status == 200
    wrong = urllib3.make_headers(basic_auth="admin:guess")
    assert bigip.ask("GET", VERSION, headers=wrong).status == 401
    assert bigip.ask("GET", VERSION, headers={"Authorization": "Basic ?"}).status == 401


def test_a_token_lives_twenty_minutes_unless_it_is_extended(bigip: Box) -> None:
    token = login(bigip)
    shown = bigip.get(f"{TOKENS}/{token}").body
    assert (shown["timeout"], shown["userName"]) == (1200, "admin")
    extended = bigip.ask("PATCH", f"{TOKENS}/{token}", {"timeout": 36000})
    assert extended.body["timeout"] == 36000
    for wrong in (36001, "²"):
        assert bigip.ask("PATCH", f"{TOKENS}/{token}", {"timeout": wrong}).status == 400
    assert status(bigip, token) == 200


def test_a_token_that_has_expired_does_not_exist() -> None:
    with box(speed=2000) as bigip:
        token = login(bigip)
        bigip.until(lambda: status(bigip, token) == 401)
        answer = bigip.ask("GET", VERSION, headers={"X-F5-Auth-Token": token})
        assert answer.body["message"] == "X-F5-Auth-Token does not exist."


def test_a_user_has_a_limited_number_of_tokens() -> None:
    with box(tokens=2) as bigip:
        first = login(bigip)
        login(bigip)
        refused = bigip.ask("POST", LOGIN, {"username": "admin", "password": PASSWORD}, headers={})
        assert refused.status == 400
        assert "maximum active login tokens" in refused.body["message"]
        assert bigip.ask("DELETE", f"{TOKENS}/{first}").status == 200
        assert status(bigip, first) == 401
        login(bigip)


def test_all_tokens_can_be_deleted_at_once(bigip: Box) -> None:
    token = login(bigip)
    assert bigip.ask("DELETE", TOKENS).status == 200
    assert status(bigip, token) == 401
    assert bigip.get(TOKENS).body["items"] == []


def test_a_wrong_login_tells_nothing(bigip: Box) -> None:
    for user, password in (("admin", "guess"), ("nobody", PASSWORD)):
        answer = bigip.ask("POST", LOGIN, {"username": user, "password": password}, headers={})
        assert (answer.status, answer.body["message"]) == (401, "Authentication failed.")
    assert bigip.ask("POST", LOGIN, {"username": "admin"}, headers={}).status == 400
