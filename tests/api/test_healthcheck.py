"""What tells a load balancer in front of the API whether it works."""

from __future__ import annotations

from typing import Any

import falcon
from falcon.testing import TestClient

from bascule.north.octavia_v2.healthcheck import Healthcheck
from tests.api.bascule import Client

JSON = {"Accept": "application/json"}


def test_all_is_well(api: Client) -> None:
    for method in ("GET", "HEAD"):
        answer = api.raw(method, "/healthcheck")
        assert (answer.status, answer.body) == (204, None)
    assert api.raw("GET", "/healthcheck", headers=JSON).body == {"detailed": False, "reasons": []}
    for method in ("POST", "PUT", "DELETE"):
        assert api.raw(method, "/healthcheck").status == 405


def test_a_database_that_is_away_is_a_reason_and_comes_back(api: Client) -> None:
    def rename(old: str, new: str) -> Any:
        return api.bascule.database.write(lambda conn: conn.exec_driver_sql(f"ALTER TABLE {old} RENAME TO {new}"))

    app: Any = falcon.App()
    look = "SELECT 1 FROM meta"
    app.add_route("/healthcheck", Healthcheck(lambda: api.bascule.database.write(lambda conn: conn.exec_driver_sql(look)), 0))
    client = TestClient(app)
    rename("meta", "gone")
    answer = client.simulate_get("/healthcheck")
    assert (answer.status_code, answer.text) == (503, "The database cannot be used.")
    assert client.simulate_get("/healthcheck", headers=JSON).json["reasons"] == [answer.text]
    rename("gone", "meta")
    assert client.simulate_get("/healthcheck").status_code == 204


def test_the_database_is_asked_once_in_a_while() -> None:
    asked: list[None] = []
    app: Any = falcon.App()
    app.add_route("/healthcheck", Healthcheck(lambda: asked.append(None), 3600))
    client = TestClient(app)
    assert [client.simulate_get("/healthcheck").status_code for _ in range(3)] == [204] * 3
    assert len(asked) == 1
