"""The version document."""

from __future__ import annotations

from tests.api.bascule import Client


def test_versions(api: Client) -> None:
    versions = api.raw("GET", "/").body["versions"]
    assert [each["id"] for each in versions] == [f"v2.{minor}" for minor in range(31)]
    assert [each["status"] for each in versions] == ["SUPPORTED"] * 30 + ["CURRENT"]
    assert versions[0] == {
        "id": "v2.0",
        "status": "SUPPORTED",
        "updated": "2016-12-11T00:00:00Z",
        "links": [{"href": "http://127.0.0.1:9876/v2", "rel": "self"}],
    }
    assert versions[30]["updated"] == "2025-02-26T00:00:00Z"


def test_roots(api: Client) -> None:
    for path in ("/v2", "/v2.0", "/v2/lbaas", "/v2.0/lbaas", "/v2/", "/v2/octavia", "/v2.0/octavia"):
        assert api.raw("GET", path).body == "v2"
