"""Who asks: tokens are renewed and given back, and nobody else's are touched."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor

import pytest

from bascule.clients.bigip import Busy, Device, LoginRefused, Unreachable
from bascule.clients.bigip.login import LIFE, LOGIN, LONGEST, MARGIN, PAUSE
from tests.clients.bigip.conftest import Clock, Connect
from tests.clients.bigip.site import VERSION, VLAN, VLANS, Counted, tokens, vlans
from tests.emulator.site import PASSWORD, Box, box

pytestmark = pytest.mark.slow


def test_one_token_serves_all_threads_and_is_given_back(bigip: Box, device: Device) -> None:
    others = bigip.ask("POST", LOGIN, {"username": "admin", "password": PASSWORD}, headers={}).body["token"]["token"]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: device.get(VERSION).status, range(24)))
    assert answers == [200] * 24
    assert len(tokens(bigip)) == 2
    device.close()
    assert [token["token"] for token in tokens(bigip)] == [others]


def test_a_token_that_ends_soon_is_renewed_before_it_is_used(bigip: Box, device: Device, clock: Clock) -> None:
    device.get(VERSION)
    (first,) = tokens(bigip)
    logins = Counted(bigip, path=LOGIN)
    clock.now += LIFE - MARGIN - 1
    device.get(VERSION)
    assert tokens(bigip) == [first]
    clock.now += 2
    device.get(VERSION)
    (renewed,) = tokens(bigip)
    assert renewed["token"] == first["token"]
    assert renewed["timeout"] == LIFE - MARGIN + 1 + LIFE
    assert logins.so_far() == 0


def test_a_token_at_its_longest_is_replaced(bigip: Box, device: Device, clock: Clock) -> None:
    device.get(VERSION)
    (first,) = tokens(bigip)
    clock.now += LONGEST - LIFE + 1
    device.get(VERSION)
    (second,) = tokens(bigip)
    assert second["token"] != first["token"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_token_that_was_taken_away_costs_one_login(bigip: Box, device: Device, method: str) -> None:
    device.get(VERSION)
    bigip.ask("POST", "/emulator/expire-tokens", {})
    logins = Counted(bigip, path=LOGIN)
    path, body = (VERSION, None) if method == "GET" else (VLANS, VLAN)
    assert device.request(method, path, body).status == 200
    assert logins.so_far() == 1
    assert len(tokens(bigip)) == 1


def test_a_renewal_that_fails_costs_one_login(bigip: Box, device: Device, clock: Clock) -> None:
    device.get(VERSION)
    bigip.ask("POST", "/emulator/expire-tokens", {})
    clock.now += LIFE - 1
    assert device.get(VERSION).status == 200
    assert len(tokens(bigip)) == 1


def test_what_a_user_may_not_do_is_a_refused_login(bigip: Box, device: Device) -> None:
    bigip.fault("unauthorized", times=None, path=VLANS)
    with pytest.raises(LoginRefused, match="POST was refused"):
        device.post(VLANS, VLAN)


def test_a_wrong_password_is_not_tried_again_at_once(bigip: Box, connect: Connect, clock: Clock) -> None:
    device = connect(bigip.url, password="wrong")
    logins = Counted(bigip, path=LOGIN)
    for _ in range(3):
        with pytest.raises(LoginRefused, match=r"the login of user admin was refused: Authentication failed.*HTTP 401"):
            device.get(VERSION)
    assert logins.so_far() == 1
    clock.now += PAUSE
    with pytest.raises(LoginRefused):
        device.get(VERSION)
    assert logins.so_far() == 2


def test_with_too_many_tokens_the_password_is_sent_and_none_is_deleted(
    connect: Connect, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    with box(tokens=1) as bigip:
        theirs = bigip.ask("POST", LOGIN, {"username": "admin", "password": PASSWORD}, headers={}).body["token"]["token"]
        device = connect(bigip.url)
        with caplog.at_level(logging.WARNING):
            assert device.get(VERSION).status == device.post(VLANS, VLAN).status == 200
        assert [token["token"] for token in tokens(bigip)] == [theirs]
        assert caplog.text.count("has too many tokens") == 1
        bigip.ask("POST", "/emulator/expire-tokens", {})
        clock.now += PAUSE
        assert device.get(VERSION).status == 200
        assert len(tokens(bigip)) == 1
        device.close()


def test_basic_authentication_needs_no_token(bigip: Box, connect: Connect) -> None:
    assert connect(bigip.url, basic=True).get(VERSION).status == 200
    assert tokens(bigip) == []
    logins = Counted(bigip, path=VERSION)
    with pytest.raises(LoginRefused):
        connect(bigip.url, password="wrong", basic=True).get(VERSION)
    assert logins.so_far() == 1


def test_when_the_login_gets_no_answer_the_write_was_not_sent(bigip: Box, device: Device) -> None:
    bigip.fault("reset-after", path=LOGIN, times=None)
    with pytest.raises(Unreachable):
        device.post(VLANS, VLAN)
    bigip.ask("DELETE", "/emulator/faults")
    bigip.fault("unavailable", path=LOGIN, times=None)
    with pytest.raises(Busy):
        device.post(VLANS, VLAN)
    assert vlans(bigip) == []
