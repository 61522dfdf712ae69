"""TLS on the API: who may speak to it, new certificates, and the openstack client."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from bascule.cmd.http_basic import hashed
from tests.certificates import YEAR, Authority, key_pem
from tests.processes.running import BIN, Running, Site, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

OURS = Authority("Ours")
CLIENTS = 4
VIP_SUBNET = "1d9f6c5e-6c1b-4c0e-9d0f-1f4f0c1a0001"


@pytest.fixture
def secure(site: Site) -> Site:
    """A site whose API speaks TLS and asks for passwords."""
    (site.folder / "ca.pem").write_bytes(OURS.pem)
    renew(site, "localhost")
    (site.folder / "htpasswd").write_text(f"ann:{hashed('secret', cost=10)}:shop=member\n")
    write(site)
    site.upgrade()
    return site


def renew(site: Site, name: str) -> None:
    (site.folder / "api.pem").write_bytes(OURS.issue(name))


def write(site: Site, more: str = "") -> None:
    file = site.folder / "api.pem"
    tls = f"tls_certificate_file = {file}\ntls_key_file = {file}\n{more}"
    site.write(
        "memory", more=f"[api]\nauth_strategy = http_basic\nhttp_basic_auth_user_file = {site.folder / 'htpasswd'}\n{tls}[DEFAULT]"
    )


@pytest.fixture
def running(secure: Site) -> Iterator[Running]:
    with secure.running("bascule-api") as running:
        wait_for(lambda: running.process.poll() is not None or name(secure), lambda: running.log)
        yield running


def connect(site: Site, context: ssl.SSLContext | None = None) -> bytes:
    """What the API answers to a client that trusts our authority."""
    context = context or ssl.create_default_context(cafile=site.folder / "ca.pem")
    context.check_hostname = False
    with socket.create_connection(("127.0.0.1", site.port), 5) as plain, context.wrap_socket(plain) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return b"".join(iter(lambda: connection.recv(65536), b""))


def name(site: Site) -> str:
    """Whose certificate the API shows; empty where it shows none."""
    context = ssl.create_default_context(cafile=site.folder / "ca.pem")
    context.check_hostname = False
    try:
        with socket.create_connection(("127.0.0.1", site.port), 5) as plain, context.wrap_socket(plain) as connection:
            subject = (connection.getpeercert() or {})["subject"]
    except OSError:
        return ""
    return dict(part for parts in subject for part in parts)["commonName"]


def test_speaks_tls_and_nothing_else(secure: Site, running: Running) -> None:
    answer = connect(secure)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"https://localhost" in answer
    old = ssl.create_default_context(cafile=secure.folder / "ca.pem")
    old.minimum_version = ssl.TLSVersion.TLSv1_2
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    assert connect(secure, old).startswith(b"HTTP/1.1 200")
    with socket.create_connection(("127.0.0.1", secure.port), 5) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200" not in plain.recv(1000)


def test_a_new_certificate_is_shown_after_sighup_and_a_bad_one_never(secure: Site) -> None:
    with secure.running("bascule", "serve") as running:
        running.wait_until_it_says(f"Ready; the API is at https://127.0.0.1:{secure.port}")
        (secure.folder / "api.pem").write_text("nothing")
        running.process.send_signal(signal.SIGHUP)
        running.wait_until_it_says("so all stays as it was")
        assert name(secure) == "localhost"
        renew(secure, "renewed")
        running.process.send_signal(signal.SIGHUP)
        wait_for(lambda: name(secure) == "renewed", lambda: running.log)
        assert running.stop() == 0


def workers(running: Running) -> int:
    """How many processes of the API there are that answer: two while the old one goes on beside the new one."""
    pid = running.process.pid
    return len(Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


def test_requests_are_answered_while_everything_is_read_again(secure: Site, running: Running) -> None:
    """Each has a connection of its own. Only those that the old process has as it ends are lost: one or two of each client."""
    done, failed = [0] * CLIENTS, list[str]()
    enough = threading.Event()

    def client(at: int) -> None:
        while not enough.is_set():
            try:
                answer = connect(secure)
            except OSError as error:
                answer = repr(error).encode()
            done[at] += 1
            if not answer.startswith(b"HTTP/1.1 200"):
                failed.append(f"{time.monotonic():.1f}: {answer!r}")

    def ask(more: int) -> None:
        wanted = sum(done) + more
        wait_for(lambda: sum(done) >= wanted, lambda: running.log)

    with ThreadPoolExecutor(CLIENTS) as clients:
        for at in range(CLIENTS):
            clients.submit(client, at)
        try:
            ask(100)
            write(secure, "[database]\nconnection = postgresql+psycopg://nobody@127.0.0.1:1/none\n")
            running.process.send_signal(signal.SIGHUP)
            running.wait_until_it_says("so all stays as it was: [database] connection: the database cannot be reached")
            write(secure)
            renew(secure, "renewed")
            running.process.send_signal(signal.SIGHUP)
            wait_for(lambda: workers(running) == 2, lambda: running.log)
            wait_for(lambda: workers(running) == 1, lambda: running.log)
            ask(100)
        finally:
            enough.set()
    assert name(secure) == "renewed"
    assert len(failed) <= 2 * CLIENTS, failed
    assert sum(done) >= 300


def test_clients_need_a_certificate_where_there_is_an_authority_for_them(secure: Site) -> None:
    clients = Authority("Clients")
    (secure.folder / "clients.pem").write_bytes(clients.pem)
    write(secure, f"tls_client_ca_file = {secure.folder / 'clients.pem'}\n")
    key = ec.generate_private_key(ec.SECP256R1())
    for who, authority in (("ann", clients), ("mallory", OURS)):
        (secure.folder / f"{who}.pem").write_bytes(authority.sign(who, key, OURS.ends_at - YEAR) + key_pem(key))

    def answer(who: str | None) -> bytes:
        context = ssl.create_default_context(cafile=secure.folder / "ca.pem")
        if who:
            context.load_cert_chain(secure.folder / f"{who}.pem")
        try:
            return connect(secure, context)
        except OSError:
            return b""

    with secure.running("bascule-api") as running:
        wait_for(lambda: running.process.poll() is not None or answer("ann"), lambda: running.log)
        assert answer("ann").startswith(b"HTTP/1.1 200")
        assert answer("mallory") == b""
        assert answer(None) == b""


@pytest.mark.parametrize(
    ("content", "words"), [("nothing", "do not work together"), (None, "cannot be read: No such file or directory")]
)
def test_says_what_is_wrong_with_a_certificate(secure: Site, content: str | None, words: str) -> None:
    file = secure.folder / "api.pem"
    file.unlink() if content is None else file.write_text(content)
    done = secure.run("bascule-api")
    assert done.returncode == 2
    assert words in done.stderr


def test_the_openstack_command(secure: Site, running: Running, tmp_path: Path) -> None:
    if not (BIN / "openstack").exists():
        pytest.skip("the openstack command is not installed beside this Python")
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "OS_AUTH_TYPE": "http_basic", "OS_USERNAME": "ann"}
    environment |= {
        "OS_PASSWORD": "secret",
        "OS_ENDPOINT": f"https://localhost:{secure.port}",
        "OS_CACERT": str(secure.folder / "ca.pem"),
    }
    made = [BIN / "openstack", "loadbalancer", "create", "--name", "lb", "--vip-subnet-id", "vips", "-f", "json"]
    done = subprocess.run(made, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["vip_subnet_id"] == VIP_SUBNET
