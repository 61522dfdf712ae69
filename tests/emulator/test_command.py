"""The command itself, in a process of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import urllib3

from bigip_emulator.faults import REQUEST, WRITE
from bigip_emulator.main import parser

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[2] / "docs" / "bigip-emulator.md"
COMMAND = [sys.executable, "-m", "bigip_emulator.main", "--port", "0", "--speed", "10"]


def test_it_says_where_it_is_and_how_to_get_in(tmp_path: Path) -> None:
    certificate, log = tmp_path / "certificate.pem", tmp_path / "log"
    with open(log, "w") as output:
        process = subprocess.Popen(
            [*COMMAND, "--verbose", "--write-certificate", str(certificate)], stdout=subprocess.PIPE, stderr=output, text=True
        )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        found = re.fullmatch(r"bigip\.localdomain is ready: (https://\S+) user (\S+) password (\S+)\n", line)
        assert found is not None
        url, user, password = found.groups()
        http = urllib3.PoolManager(ca_certs=str(certificate), retries=False, timeout=20)
        login = http.request(
            "POST", f"{url}/mgmt/shared/authn/login", json={"username": user, "password": password, "loginProviderName": "tmos"}
        )
        token = login.json()["token"]["token"]
        assert http.request("GET", f"{url}/mgmt/shared/appsvcs/info", headers={"X-F5-Auth-Token": token}).status == 200
        assert http.request("DELETE", f"{url}/mgmt/shared/authz/tokens/{token}", headers={"X-F5-Auth-Token": token}).status == 200
        http.clear()
    finally:
        process.terminate()
        assert process.wait(20) == 0
        process.stdout.close()
    logged = log.read_text()
    assert "/mgmt/shared/appsvcs/info" in logged
    assert token not in logged
    assert password not in logged


def test_a_given_password_is_not_printed(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("a-given-one\n")
    with subprocess.Popen([*COMMAND, "--password-file", str(file)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "a-given-one" not in process.stdout.readline()
        process.terminate()


def test_what_cannot_work_is_said(tmp_path: Path) -> None:
    answer = subprocess.run(
        [*COMMAND, "--certificate", str(tmp_path / "none.pem")], check=False, capture_output=True, text=True, timeout=60
    )
    assert answer.returncode == 1
    assert answer.stderr.startswith("bigip-emulator: ")


def test_every_option_and_fault_is_explained() -> None:
    rows = re.findall(r"^\| (`[^|]*) \|", PAGE.read_text(), re.MULTILINE)
    named = set(re.findall(r"`([\w-]+)`", " ".join(rows)))
    options = {option for action in parser()._actions for option in action.option_strings} - {"-h", "--help"}
    assert options | {*REQUEST, *WRITE} <= named
    assert {name for name in named if name.startswith("--")} == options
