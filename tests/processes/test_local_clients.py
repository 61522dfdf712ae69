"""The API answers only to clients on this machine, whatever server runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from falcon.testing import TestClient

from bascule.cmd.local_clients import LocalClients


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [])
    return [b"hello"]


@pytest.mark.parametrize(
    ("client", "expected"),
    [
        ("127.0.0.1", "200 OK"),
        ("127.20.0.11", "200 OK"),
        ("::1", "200 OK"),
        ("", "200 OK"),  # a Unix socket
        ("192.0.2.7", "403 Forbidden"),
        ("2001:db8::1", "403 Forbidden"),
        ("::ffff:192.0.2.7", "403 Forbidden"),
    ],
)
def test_tells_clients_apart(client: str, expected: str) -> None:
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    environ["REMOTE_ADDR"] = client
    seen: list[str] = []
    list(LocalClients(application)(environ, lambda status, headers: seen.append(status)))
    assert seen == [expected]


def test_others_are_refused_as_the_api_refuses() -> None:
    answer = TestClient(LocalClients(application)).simulate_get("/", remote_addr="192.0.2.7")
    assert (answer.status_code, answer.headers["content-type"]) == (403, "application/json")
    assert answer.headers["x-openstack-request-id"].startswith("req-")
    assert answer.json == {
        "faultcode": "Client",
        "faultstring": "This API authenticates nobody, so it answers only to clients on the same machine.",
        "debuginfo": None,
    }
