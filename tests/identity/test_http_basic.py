"""Names and passwords: the file, and who gets in with it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bascule.cmd import http_basic
from bascule.cmd.http_basic import Users, UsersError
from bascule.cmd.process import StartError
from tests.api.bascule import Bascule, Client
from tests.api.serving import serving
from tests.identity.conftest import HASH
from tests.identity.users import OTHER, OURS, PASSWORD, basic, client

pytestmark = pytest.mark.slow

BIN = Path(sys.executable).parent


def test_reads_users_with_their_roles(tmp_path: Path) -> None:
    found = http_basic.parse(f"# people\n\nann:{HASH}:web=member,reader;shop=reader\nbob.b@example:{HASH}:web=admin\n")
    assert found["ann"].projects == {"web": ("member", "reader"), "shop": ("reader",)}
    assert found["bob.b@example"].projects == {"web": ("admin",)}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ann", "a line is NAME:HASH:PROJECT=ROLE"),
        ("ann:HASH", "a line is"),
        ("an n:HASH:web=member", "a line is"),
        ("ann:HASH:web=member:x", "a line is"),
        ("ann:secret:web=member", "hash of ann"),
        ("ann:$2y$05$abcdefghijklmnopqrstuv:web=member", "hash of ann"),
        ("ann:$scrypt$ln=9,r=8,p=1$SALT:web=member", "hash of ann"),
        ("ann:$scrypt$ln=20,r=99,p=1$SALT:web=member", "hash of ann"),
        ("ann:HASH:", "''"),
        ("ann:HASH:web", "'web'"),
        ("ann:HASH:web=", "'web='"),
        ("ann:HASH:web=member;web=reader", "'web=reader'"),
        ("ann:HASH:web=a\nann:HASH:web=b", "line 2: ann has a line already"),
    ],
)
def test_says_what_is_wrong_with_a_line_and_not_the_hash(line: str, words: str) -> None:
    with pytest.raises(UsersError) as refused:
        http_basic.parse(line.replace("$SALT", HASH[HASH.index("$", 9) :]).replace("HASH", HASH))
    assert words in str(refused.value)
    assert HASH not in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_file_that_cannot_be_used_is_a_reason_not_to_start(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"http_basic_auth_user_file.*No such file"):
        Users(tmp_path / "none")
    (tmp_path / "wrong").write_text("\nann\n")
    with pytest.raises(StartError, match="wrong: line 2"):
        Users(tmp_path / "wrong")


def test_hashes_are_of_one_password(tmp_path: Path) -> None:
    made = http_basic.hashed("sécret")
    assert made != http_basic.hashed("sécret"), "a salt makes every hash another one"
    assert http_basic.matches("sécret", made)
    assert not http_basic.matches("secret", made)


@pytest.mark.slow
def test_the_command_makes_hashes() -> None:
    command = [BIN / "bascule", "hash-password"]
    done = subprocess.run(command, input="sécret: 1\n", capture_output=True, text=True, check=True, timeout=60)
    assert http_basic.matches("sécret: 1", done.stdout.strip())
    assert subprocess.run(command, input="\n", capture_output=True, text=True, check=False, timeout=60).returncode == 1


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Basic",
        "Basic =",
        "Basic %%%",
        f"Basic {base64.b64encode(b'reader').decode()}",
        f"Basic {base64.b64encode(bytes([255, 58, 255])).decode()}",
        basic("reader", "wrong"),
        basic("reader", ""),
        basic("nobody"),
        basic("reader").replace("Basic", "Bearer"),
    ],
)
def test_who_does_not_say_who_one_is_gets_nowhere(shared: Bascule, header: str | None) -> None:
    answer = Client(shared, **({} if header is None else {"Authorization": header})).get("/loadbalancers")
    assert (answer.status, answer.body["error"]["code"]) == (401, 401)
    assert answer.headers["www-authenticate"] == 'Basic realm="Bascule", charset="UTF-8"'


def test_a_password_is_asked_for_every_time(bascule: Bascule) -> None:
    for password, status in ((PASSWORD, 200), (PASSWORD, 200), ("wrong", 401), (PASSWORD, 200)):
        assert Client(bascule, Authorization=basic("reader", password)).get("/loadbalancers").status == status


def test_nobody_gets_roles_by_headers(bascule: Bascule) -> None:
    headers = {"X-Roles": "admin", "X-Is-Admin-Project": "True", "OpenStack-System-Scope": "all", "X-Identity-Status": "Confirmed"}
    made = client(bascule, "other").load_balancer()
    for name in ("nothing", "reader"):
        assert client(bascule, name, **headers).get(f"/loadbalancers/{made['id']}").status == 404
    assert client(bascule, None, **headers).get("/loadbalancers").status == 401


def test_the_file_is_read_again_when_it_changes(bascule: Bascule, tmp_path: Path) -> None:
    users = tmp_path / "htpasswd"
    reader = client(bascule, "reader")
    assert reader.get("/loadbalancers").status == 200
    before = users.read_text()

    def write(text: str) -> None:
        new = users.with_suffix(".new")
        new.write_text(text)
        os.replace(new, users)

    write(before.replace(HASH, http_basic.hashed("another", cost=10)))
    assert reader.get("/loadbalancers").status == 401
    write(before.replace(f"reader:{HASH}:{OURS}=reader", f"reader:{HASH}:{OTHER}=member"))
    assert reader.load_balancer()["project_id"] == OTHER
    write("half a li")
    assert reader.get("/loadbalancers").status == 200, "what cannot be used is passed over"
    write("")
    assert reader.get("/loadbalancers").status == 401


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_openstack_command_with_a_password(bascule: Bascule, tmp_path: Path) -> None:
    if not (BIN / "openstack").exists():
        pytest.skip("the openstack command is not installed beside this Python")
    with serving(bascule) as url:

        def run(user: str, *arguments: str) -> subprocess.CompletedProcess[str]:
            environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "OS_AUTH_TYPE": "http_basic", "OS_ENDPOINT": url}
            environment |= {"OS_USERNAME": user, "OS_PASSWORD": PASSWORD}
            command = [BIN / "openstack", "loadbalancer", *arguments]
            return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90, check=False)

        made = run("member", "create", "--name", "lb", "--vip-subnet-id", "vips", "--wait", "-f", "json")
        assert made.returncode == 0, made.stderr
        assert json.loads(made.stdout)["project_id"] == OURS
        assert json.loads(run("other", "list", "-f", "json").stdout) == []
        assert "(HTTP 403)" in run("reader", "delete", "lb").stderr
