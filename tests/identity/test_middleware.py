"""What stands before the API where the settings ask for it: web pages that may call it, proxies, the longest body."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from falcon.testing import TestClient

from bascule.cmd import middleware, settings
from bascule.cmd.http_basic import Passwords, Users
from bascule.cmd.policy import PolicyAccess
from bascule.cmd.values import SettingsError
from bascule.store.engine import Database
from tests.api.bascule import Bascule, Client, Identity
from tests.identity.conftest import HASH
from tests.identity.users import OURS, basic

PAGE = "https://www.example.com"
ASKED = {"Origin": PAGE, "Access-Control-Request-Method": "DELETE", "Access-Control-Request-Headers": "X-Auth-Token"}
FORWARDED = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "api.example.com"}

pytestmark = pytest.mark.filterwarnings("ignore:'cgi' is deprecated")


Make = Callable[..., TestClient]


@pytest.fixture
def client(sqlite_database: Database, tmp_path: Path) -> Make:
    """Makes clients of an API before which stands what the settings ask for."""

    def make(more: str, *, asked: bool = True) -> TestClient:
        (tmp_path / "htpasswd").write_text(f"ann:{HASH}:{OURS}=member\n")
        (tmp_path / "bascule.conf").write_text(more)
        conf = settings.read([str(tmp_path / "bascule.conf")])
        settings.plain(conf)
        identity = Identity(PolicyAccess(conf), partial(Passwords, users=Users(tmp_path / "htpasswd")))
        bascule = Bascule(
            sqlite_database,
            tmp_path / "certificates",
            identity=identity if asked else None,
            around=partial(middleware.around, conf=conf),
            max_body=conf.oslo_middleware.max_request_body_size,
        )
        return Client(bascule, Authorization=basic("ann")).client

    return make


def test_web_pages_call_where_they_may(client: Make) -> None:
    api = client(f"[cors]\nallowed_origin = {PAGE}\n")
    allowed = api.simulate_options("/v2/lbaas/loadbalancers", headers={"Authorization": ""} | ASKED)
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == PAGE
    assert allowed.headers["access-control-allow-methods"] == "DELETE"
    assert allowed.headers["x-openstack-request-id"]
    stranger = api.simulate_options("/v2/lbaas/loadbalancers", headers=ASKED | {"Origin": "https://other.example.com"})
    assert "access-control-allow-origin" not in stranger.headers
    answer = api.simulate_get("/v2/lbaas/loadbalancers", headers={"Origin": PAGE})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, PAGE)
    assert answer.headers["access-control-expose-headers"] == "X-OpenStack-Request-Id"
    refused = api.simulate_get("/v2/lbaas/loadbalancers", headers={"Origin": PAGE, "Authorization": ""})
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, PAGE)


def test_without_cors_nothing_is_allowed_and_questions_need_nobody(client: Make) -> None:
    answer = client("").simulate_options("/v2/lbaas/loadbalancers", headers={"Authorization": ""} | ASKED)
    assert (answer.status_code, answer.content) == (200, b"")
    assert "access-control-allow-origin" not in answer.headers


BEHIND = "[oslo_middleware]\nenable_proxy_headers_parsing = true\n"


@pytest.mark.parametrize(("more", "start"), [("", "http://127.0.0.1:9876/"), (BEHIND, "https://api.example.com/")])
def test_links_lead_to_the_proxy_where_one_is_believed(client: Make, more: str, start: str) -> None:
    answer = client(more).simulate_get("/", headers=FORWARDED)
    assert answer.json["versions"][0]["links"][0]["href"].startswith(start)


def test_no_header_makes_a_host_one_of_ours(client: Make) -> None:
    api = client("[oslo_middleware]\nenable_proxy_headers_parsing = true\n", asked=False)
    assert api.simulate_get("/", headers={"Host": "localhost"}).status_code == 200
    tried: dict[str, Any] = {"Host": "evil.example.com", "X-Forwarded-Host": "localhost"}
    assert api.simulate_get("/", headers=tried).status_code == 403


def test_bodies_have_a_longest_size(client: Make) -> None:
    api = client("[oslo_middleware]\nmax_request_body_size = 1000\n")

    def post(length: int) -> Any:
        body = json.dumps({"loadbalancer": {"name": ""}}).replace('""', '"' + "x" * length + '"')
        return api.simulate_post("/v2/lbaas/loadbalancers", body=body, headers={"Content-Type": "application/json"})

    assert post(900).status_code == 400
    assert post(1000).status_code == 413
    assert post(1000).json == {"faultcode": "Client", "faultstring": "The body may have at most 1000 bytes", "debuginfo": None}


def test_origins_are_whole(client: Make) -> None:
    with pytest.raises(SettingsError, match=r"\[cors\] allowed_origin"):
        client("[cors]\nallowed_origin = www.example.com\n")
