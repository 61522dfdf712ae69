"""Listeners that show the metrics of their load balancer's HAProxy."""

from __future__ import annotations

import http.client
import re

import pytest

from bascule.model.objects import ClientAuthentication, Listener, ListenerProtocol
from tests.south.haproxy.certificates import Certificates, pem
from tests.south.haproxy.site import Site, until

pytestmark = pytest.mark.slow


def requests(site: Site, metrics: Listener, listener: Listener) -> int:
    """How many requests a listener has had, as the metrics say."""
    answer = site.get(metrics, "/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    found = re.search(rf'^haproxy_frontend_http_requests_total{{proxy="{listener.id}"}} (\d+)$', answer.text, re.MULTILINE)
    assert found
    return int(found[1])


def test_what_goes_through_is_counted(site: Site) -> None:
    listener = site.listener(default_pool_id=site.pool(site.server("a")).id)
    metrics = site.listener(ListenerProtocol.PROMETHEUS)
    site.serve()
    assert requests(site, metrics, listener) == 0
    for _ in range(3):
        site.get(listener)
    assert until(lambda: requests(site, metrics, listener) == 3, 20)
    assert site.get(metrics, "/").status == 404
    assert site.report().alive


def test_only_allowed_networks_see_the_metrics(site: Site) -> None:
    metrics = site.listener(ListenerProtocol.PROMETHEUS, allowed_cidrs=("127.0.1.0/24",))
    site.serve()
    assert site.get(metrics, "/metrics", source="127.0.1.1").status == 200
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        site.get(metrics, "/metrics", source="127.0.2.1")


def test_metrics_can_be_had_over_tls_and_by_those_who_have_a_certificate(site: Site) -> None:
    held = Certificates("metrics.example.com")
    held.add("ca", held.authority.cert_pem.bytes())
    held.give(site)
    metrics = site.listener(
        ListenerProtocol.PROMETHEUS,
        default_tls_container_ref="metrics.example.com",
        client_ca_tls_container_ref="ca",
        client_authentication=ClientAuthentication.MANDATORY,
    )
    site.serve()
    known = held.client(pem(held.authority.issue_cert(common_name="scraper")))
    assert "haproxy_process_build_info" in site.get(metrics, "/metrics", tls=known).text
    with pytest.raises((OSError, http.client.HTTPException)):
        site.get(metrics, "/metrics", tls=held.client())
