"""What flavors say takes effect in the running HAProxy."""

from __future__ import annotations

import dataclasses

import pytest

from bascule.south.haproxy.runtime import ask
from tests.south.haproxy.site import Site

pytestmark = pytest.mark.slow


def test_a_flavor_limits_connections_and_threads(site: Site) -> None:
    root = dataclasses.replace(site.tree.load_balancer, flavor={"max_connections": 123, "threads": 2})
    site.tree = site.tree.put(root)
    listener = site.listener()
    site.serve()
    lines = ask(site.directory, "show info").splitlines()
    assert "Maxconn: 123" in lines
    assert "Nbthread: 2" in lines
    assert site.get(listener).status == 503
