"""Health monitors take members out and bring them back."""

from __future__ import annotations

import dataclasses

import pytest

from bascule.model.objects import HttpMethod, MonitorType
from tests.south.haproxy.site import Site, until


@pytest.mark.slow
def test_a_dead_member_is_taken_out_and_comes_back(site: Site) -> None:
    dying, staying = site.server("a"), site.server("b")
    pool = site.pool(dying, staying)
    site.monitor(pool)
    listener = site.listener(default_pool_id=pool.id)
    site.serve()
    member = site.tree.members[0]
    assert site.seen(member) == "UP"
    dying.stop()
    assert until(lambda: site.seen(member) == "DOWN")
    assert {site.get(listener).name for _ in range(4)} == {"b"}
    dying.start()
    assert until(lambda: site.seen(member) == "UP")
    assert {site.get(listener).name for _ in range(4)} == {"a", "b"}


def test_a_reload_does_not_forget_who_is_down(site: Site) -> None:
    pool = site.pool(site.server("a"))
    dead = site.member(pool, 9)
    monitor = site.monitor(pool, delay=60, max_retries_down=1)
    site.listener(default_pool_id=pool.id)
    site.put(dataclasses.replace(monitor, delay=1))
    site.serve()
    assert until(lambda: site.seen(dead) == "DOWN")
    site.put(monitor)  # from here on it is too early for a probe
    site.serve()
    assert site.seen(dead) == "DOWN"


def test_without_its_monitor_a_member_counts_as_up_again(site: Site) -> None:
    pool = site.pool()
    dead = site.member(pool, 9)
    monitor = site.monitor(pool)
    site.listener(default_pool_id=pool.id)
    site.serve()
    assert until(lambda: site.seen(dead) == "DOWN")
    site.put(dataclasses.replace(monitor, admin_state_up=False))
    site.serve()
    assert site.seen(dead) == "NO_CHECK"


@pytest.mark.parametrize("version", [None, 1.0, 1.1])
def test_http_asks_and_looks_at_the_answer(site: Site, version: float | None) -> None:
    good, bad = site.server("a"), site.server("b")
    good.status, bad.status = 202, 404
    pool = site.pool(good, bad)
    site.monitor(
        pool,
        MonitorType.HTTP,
        http_method=HttpMethod.GET,
        url_path="/healthy?'\"$HOME=%20%[src]",
        expected_codes="200 , 202",
        http_version=version,
        domain_name="www.example.com" if version == 1.1 else None,
    )
    listener = site.listener(default_pool_id=pool.id)
    site.serve()
    first, second = site.tree.members
    assert until(lambda: site.seen(second) == "DOWN")
    assert site.seen(first) == "UP"
    assert site.get(listener).name == "a"
    assert "/healthy?'\"$HOME=%20%[src]" in good.asked


def test_the_longest_times(site: Site) -> None:
    pool = site.pool(site.server("a"))
    site.monitor(pool, delay=2147483, timeout=2147483)
    listener = site.listener(default_pool_id=pool.id)
    assert site.backend.refuse(site.tree, None) == []
    site.serve()
    assert site.get(listener).name == "a"


@pytest.mark.slow
def test_a_member_may_be_probed_elsewhere(site: Site) -> None:
    serving, probed = site.server("a"), site.server("b")
    pool = site.pool()
    member = site.member(pool, serving.port, monitor_address="127.0.0.1", monitor_port=probed.port)
    site.monitor(pool)
    site.listener(default_pool_id=pool.id)
    site.serve()
    probed.stop()
    assert until(lambda: site.seen(member) == "DOWN")
    site.put(dataclasses.replace(member, monitor_address=None, monitor_port=None))
    site.serve()
    assert until(lambda: site.seen(member) == "UP")
