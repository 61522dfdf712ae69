"""One request, one answer, or the reason why there is none: what was sent, what is repeated, what is not known."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from pathlib import Path

import pytest

from bascule.clients.bigip import Device, OutcomeUnknown, Trust, Unreachable, Untrusted
from tests.addresses import free_port
from tests.certificates import Authority
from tests.clients.bigip.conftest import Connect
from tests.clients.bigip.site import VERSION, VLAN, VLANS, Counted, vlans
from tests.emulator.site import Box, identity

pytestmark = pytest.mark.slow


@pytest.fixture
def known(device: Device) -> Device:
    """A session that has its token, so that faults meet what is asked next."""
    device.get(VERSION)
    return device


@pytest.mark.parametrize("kind", ["reset-before", "reset-after", "bad-gateway", "unavailable"])
def test_what_only_reads_is_asked_again(bigip: Box, known: Device, kind: str) -> None:
    asked = Counted(bigip, "GET", VERSION)
    bigip.fault(kind, method="GET", path=VERSION, times=2)
    assert known.get(VERSION).status == 200
    assert asked.so_far() == 3


@pytest.mark.parametrize("kind", ["reset-before", "bad-gateway"])
def test_asking_again_comes_to_an_end(bigip: Box, known: Device, kind: str) -> None:
    bigip.fault(kind, method="GET", path=VERSION, times=None)
    with pytest.raises(Unreachable):
        known.get(VERSION)


def test_who_stays_busy_says_so(bigip: Box, known: Device) -> None:
    bigip.fault("unavailable", times=None, path=VERSION)
    answer = known.get(VERSION)
    assert (answer.status, answer.busy) == (503, True)


@pytest.mark.parametrize(("kind", "done"), [("reset-before", False), ("reset-after", True), ("bad-gateway", False)])
def test_a_write_without_an_answer_is_not_sent_again(bigip: Box, known: Device, kind: str, done: bool) -> None:
    asked = Counted(bigip, "POST", VLANS)
    bigip.fault(kind, method="POST", path=VLANS)
    with pytest.raises(OutcomeUnknown):
        known.post(VLANS, VLAN)
    assert asked.so_far() == 1
    assert vlans(bigip) == (["vlan-7"] if done else [])


@pytest.mark.parametrize(("method", "path", "body"), [
    ("PATCH", f"{VLANS}/vlan-7", {"mtu": 9000}), ("PUT", f"{VLANS}/vlan-7", VLAN), ("DELETE", f"{VLANS}/vlan-7", None),
])  # fmt: skip
def test_every_kind_of_write_tells_that_its_outcome_is_not_known(
    bigip: Box, known: Device, method: str, path: str, body: dict[str, object] | None
) -> None:
    assert known.post(VLANS, VLAN).status == 200
    bigip.fault("reset-after", method=method)
    with pytest.raises(OutcomeUnknown):
        known.request(method, path, body)


def test_a_busy_answer_to_a_write_comes_back_as_it_is(bigip: Box, known: Device) -> None:
    asked = Counted(bigip, "POST", VLANS)
    bigip.fault("unavailable", method="POST", times=None)
    answer = known.post(VLANS, VLAN)
    assert (answer.status, answer.busy, asked.so_far()) == (503, True, 1)


def test_an_answer_that_takes_too_long_is_no_answer(bigip: Box, known: Device) -> None:
    bigip.fault("latency", seconds=30, times=None, path=VLANS)
    with pytest.raises(OutcomeUnknown, match="timed out"):
        known.post(VLANS, VLAN, timeout=0.2)
    with pytest.raises(Unreachable, match="timed out"):
        known.get(VLANS, timeout=0.2)


def test_nobody_there_means_nothing_was_sent(connect: Connect) -> None:
    device = connect(f"https://127.0.0.1:{free_port()}")
    with pytest.raises(Unreachable, match="Connection refused"):
        device.post(VLANS, VLAN)


def test_a_session_outlives_a_restart_of_the_device(bigip: Box, known: Device) -> None:
    bigip.ask("POST", "/emulator/reboot", {"seconds": 1})
    with pytest.raises((OutcomeUnknown, Unreachable)):
        known.post(VLANS, VLAN)

    def back() -> bool:
        try:
            return known.get(VERSION).status == 200
        except Unreachable:
            return False

    bigip.until(back)
    assert known.post(VLANS, VLAN).status == 200


def test_a_device_that_cannot_show_who_it_is_gets_no_password(bigip: Box, connect: Connect, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(Authority().pem)
    asked = Counted(bigip)
    for trust in (Trust(other), Trust()):
        with pytest.raises(Untrusted, match="certificate verify failed"):
            connect(bigip.url, trust=trust).post(VLANS, VLAN)
    assert asked.so_far() == 0


def test_a_certificate_has_to_name_the_device(connect: Connect) -> None:
    with socket.create_server(("127.0.0.2", 0)) as server:
        threading.Thread(target=_greet, args=(server,), daemon=True).start()
        with pytest.raises(Untrusted, match=r"not valid for '127\.0\.0\.2'"):
            connect(f"https://127.0.0.2:{server.getsockname()[1]}").get(VERSION)


def test_switching_verification_off_is_said_once(bigip: Box, connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        device = connect(bigip.url, trust=Trust(verify=False))
        assert [device.get(VERSION).status for _ in range(3)] == [200] * 3
    assert [record.getMessage() for record in caplog.records if "not verified" in record.getMessage()] == [
        f"{bigip.url}: the certificate of this device is not verified; anybody between us and it can read and change all"
    ]


@pytest.mark.parametrize("url", [
    "http://10.0.0.1", "10.0.0.1", "https://", "https://admin:secret@10.0.0.1", "https://:secret@10.0.0.1",
    "https://10.0.0.1/mgmt", "https://10.0.0.1/?a=b",
])  # fmt: skip
def test_what_is_no_address_of_a_device_is_refused_without_being_shown(connect: Connect, url: str) -> None:
    with pytest.raises(ValueError, match=r"the address of a device is written https://HOST") as refused:
        connect(url)
    assert "secret" not in str(refused.value)


def test_an_answer_that_drips_is_given_up(connect: Connect) -> None:
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_drip, args=(server, stop), daemon=True).start()
        device = connect(f"https://127.0.0.1:{server.getsockname()[1]}", basic=True)
        began = time.monotonic()
        with pytest.raises(OutcomeUnknown, match="did not come to its end in time"):
            device.post(VLANS, VLAN, timeout=1)
        assert time.monotonic() - began < 20
        stop.set()


def _greet(server: socket.socket) -> None:
    context, _ = identity()
    with contextlib.suppress(OSError):
        context.wrap_socket(server.accept()[0], server_side=True).close()


def _drip(server: socket.socket, stop: threading.Event) -> None:
    context, _ = identity()
    connection = context.wrap_socket(server.accept()[0], server_side=True)
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    try:
        while not stop.wait(0.05):
            connection.sendall(b"1\r\n \r\n")
    except OSError:
        pass
    finally:
        connection.close()
