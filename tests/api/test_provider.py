"""Providers over the API."""

from __future__ import annotations

from tests.api.bascule import Client


def test_providers(api: Client) -> None:
    memory = {"name": "memory", "description": "Keeps load balancers in memory. No traffic."}
    assert api.get("/providers").body == {"providers": [memory]}
    assert api.get("/providers", name="memory").body == {"providers": [memory]}
    assert api.get("/providers", name="other").body == {"providers": []}
    assert api.get("/providers", fields="name").body == {"providers": [{"name": "memory"}]}
    answer = api.get("/providers", colour="x")
    assert (answer.status, answer.fault) == (400, "One or more arguments are either duplicate or invalid: colour")
