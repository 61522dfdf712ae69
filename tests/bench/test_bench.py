"""The measurements: what is measured is the same on both sides, and all of it runs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bascule.store import tables
from bascule.store.engine import Database
from bench import __main__ as bench
from bench import active, carried, claim, cost, databases, f5, harm, idle, memory, scale, seed, standard, statements, traffic
from bench.databases import Databases
from bench.floor import Floor
from bench.floor_sql import EMPTY
from bench.inside import ask, inside
from bench.workloads import ROOT
from tests.servers import NotInstalled

pytestmark = pytest.mark.slow

COUNT = 3
FLEETS = ("idle", "scale")

Ask = Callable[..., Any]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def kind(request: pytest.FixtureRequest, tmp_path: Path) -> Databases:
    if request.param == "sqlite":
        return databases.sqlite(tmp_path)
    return databases.on_server(request.getfixturevalue("postgresql"))


@pytest.fixture
def pair(kind: Databases) -> Iterator[tuple[Ask, Ask, str, str]]:
    """Bascule and the floor as functions that send a request, and the URLs of their databases, which begin as the same."""
    ours, bare = kind.holding(COUNT), kind.holding(COUNT)
    floor = Floor(bare)
    with inside(ours) as bascule:
        yield partial(ask, bascule.application), partial(ask, floor), ours, bare
    floor.close()


def test_floor_gives_the_same_answers(pair: tuple[Ask, Ask, str, str]) -> None:
    bascule, floor, _, _ = pair
    listed = bascule("GET", f"{ROOT}?limit={COUNT}")
    assert len(listed["loadbalancers"]) == COUNT
    assert floor("GET", f"{ROOT}?limit={COUNT}") == listed
    one = listed["loadbalancers"][1]
    assert floor("GET", f"{ROOT}/{one['id']}") == bascule("GET", f"{ROOT}/{one['id']}") == {"loadbalancer": one}


@pytest.mark.parametrize("asked", ["name=lb-1", f"tags={seed.TAG}", "provisioning_status=ERROR"])
def test_floor_filters_alike(kind: Databases, asked: str) -> None:
    url = kind.holding(COUNT)
    database = Database(url)
    seed.mark(database)
    database.close()
    floor = Floor(url)
    with inside(url) as bascule:
        listed = ask(bascule.application, "GET", f"{ROOT}?limit=20&{asked}")
    assert len(listed["loadbalancers"]) == (1 if "name" in asked else COUNT)
    assert ask(floor, "GET", f"{ROOT}?limit=20&{asked}") == listed
    floor.close()


def test_floor_writes_the_same_rows(pair: tuple[Ask, Ask, str, str]) -> None:
    bascule, floor, ours, bare = pair
    pools = bascule("GET", ROOT)["loadbalancers"][0]["pools"]
    for send in (bascule, floor):
        made = send("POST", ROOT, standard.body("made"))["loadbalancer"]
        assert [len(made[name]) for name in ("listeners", "pools")] == [2, 2]
        assert [len(pool["members"]) for pool in made["pools"]] == [2, 2]
        for pool in pools:
            member = send("POST", f"/v2/lbaas/pools/{pool['id']}/members", standard.member_body(256))["member"]
            assert member["address"] == "198.19.1.0"
    written, bare_written = _rows(ours), _rows(bare)
    assert len(written["load_balancer"]) == COUNT + 1
    assert len(written["member"]) == (COUNT + 1) * 4 + 2
    assert bare_written == written


def test_floor_knows_every_column() -> None:
    for name, row in EMPTY.items():
        columns = set(tables.metadata.tables[name].c.keys())
        assert set(row) == (columns - {"id"} if name == "event" else columns), name


_CHANCE = {
    "id",
    "key",
    "vip_address",
    "created_at",
    "updated_at",
    "at",
    "due_at",
    "behind_since",
    "checked_at",
    "accepted",
    "digests",
}
_ALIKE = {"project_id", "lane_id", "vip_subnet_id", "vip_network_id"}


def _by_chance(column: sa.Column[Any]) -> bool:
    """Whether a column differs from one creation to the next."""
    some_id = column.name.endswith("_id") and column.name not in _ALIKE
    return some_id or (column.name in _CHANCE and str(column) != "l7rule.key") or str(column) == "claim.name"


def _rows(url: str) -> dict[str, list[str]]:
    """Every row without what differs by chance, in some order."""
    database = Database(url)
    found = {}
    with database.read() as conn:
        for name, table in tables.metadata.tables.items():
            columns = [column for column in table.c if not _by_chance(column)]
            found[name] = sorted(str(tuple(row)) for row in conn.execute(sa.select(sa.literal(1), *columns).select_from(table)))
    database.close()
    return found


def test_the_standard_load_balancer_is_the_same_in_a_request_and_in_the_database(pair: tuple[Ask, Ask, str, str]) -> None:
    bascule, _, _, _ = pair
    there = bascule("GET", ROOT)["loadbalancers"][0]
    made = bascule("POST", ROOT, standard.body("made"))["loadbalancer"]
    trees = (bascule("GET", f"{ROOT}/{each['id']}/status")["statuses"]["loadbalancer"] for each in (there, made))
    assert len({json.dumps(_shape(tree)) for tree in trees}) == 1


def _shape(each: Any) -> Any:
    """A status tree without ids, statuses and the load balancer's name."""
    if isinstance(each, list):
        return [_shape(one) for one in each]
    if not isinstance(each, dict):
        return None
    kept = {name: value for name, value in each.items() if name in ("type", "action", "address", "protocol_port")}
    return kept | {name: _shape(value) for name, value in each.items() if isinstance(value, list)}


def test_a_list_takes_as_many_statements_for_many_as_for_few(tmp_path: Path) -> None:
    counts = statements.measure(databases.sqlite(tmp_path), 30, print)
    assert counts["list 30"] == counts["list 20"]
    assert counts["POST load balancer"].writes > counts["member create"].writes > counts["GET one"].writes == 0


@pytest.fixture
def measure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Any]:
    """Measures some parts, or all, with as little effort as there can be. Gives what is written to the file."""
    tiny = bench.Effort(
        cost=cost.Effort(load_balancers=COUNT, many=COUNT, rounds=1, seconds=0.1, warm_up=0.05),
        active=active.Effort(alone=2, together=5),
        memory=(COUNT,),
        f5=f5.Effort(devices=(COUNT, 2 * COUNT), changes=2, resyncs=(COUNT,), rounds=1),
        claim=claim.Effort(due=(0, 120), projects=3, rounds=2),
        idle=idle.Effort(load_balancers=COUNT, seconds=1, looked_at=COUNT, looks=1),
        scale=scale.Effort(workers=(1, 2), in_memory=20, on_devices=8, latency=0.01),
    )
    tiny = replace(tiny, traffic=traffic.Effort(rounds=1, seconds=1), harm=harm.Effort(member_changes=4, reloads=1, rotations=2))
    monkeypatch.setattr(memory, "SETTLE_SECONDS", 0.1)
    monkeypatch.setattr(idle, "SETTLE_SECONDS", 0.1)
    monkeypatch.setattr(scale, "START_SECONDS", 0.5)
    monkeypatch.setattr(bench, "Effort", lambda: tiny)

    def measured(*parts: str) -> Any:
        file = tmp_path / "figures.json"
        assert bench.main(["--json", str(file), *parts]) == 0
        return json.loads(file.read_text())

    return measured


@pytest.mark.timeout(300)
def test_every_part_runs_but_those_of_fleets(
    measure: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def postgresql() -> Databases:
        raise NotInstalled("it is left out")

    monkeypatch.setattr(databases, "postgresql", postgresql)
    written = measure(*(part for part in bench.PARTS if part not in FLEETS))
    said = capsys.readouterr().out
    assert "times floor" in said
    assert "POSTGRESQL IS NOT MEASURED" in said
    figures = written["SQLite"]
    assert set(figures["filters"]) == {"list by name", "list by tags", "list by provisioning_status"}
    assert all(0 < each["p50_ms"] <= each["p99_ms"] for each in figures["filters"].values())
    parts = ["cost", "filters", "statements", "active", "memory_pss_mib", "f5", "claim"]
    assert [part for part in figures if part != "keystone"] == parts
    assert all(each["cpu_ms"] > 0 and each["per_second"] > 0 and each["floor_per_second"] > 0 for each in figures["cost"].values())
    assert 0 < figures["active"]["alone_p50_ms"] <= figures["active"]["alone_p99_ms"]
    assert set(figures["memory_pss_mib"]) == {str(COUNT)}
    assert all(mib > 5 for each in figures["memory_pss_mib"].values() for mib in each.values())
    few, more = (each["change"] for each in figures["f5"]["devices"].values())
    assert 1000 < few["bytes_sent"] < 10_000
    assert more["bytes_sent"] == pytest.approx(few["bytes_sent"], rel=0.02)
    assert (more["reads"], more["writes"]) == (few["reads"], few["writes"])
    assert figures["f5"]["resync"][str(COUNT)]["load"] > 0
    if shutil.which("wrk"):
        found = written["HAProxy"]
        assert all(found["traffic"][side]["per_second"] > 100 for side in ("bascule", "by_hand"))
        assert found["harm"]["requests"] > 100
        assert 0 < found["harm"]["rotation_p50_ms"] <= found["harm"]["rotation_p99_ms"]


@pytest.mark.timeout(300)
def test_fleets_are_measured(measure: Callable[..., Any]) -> None:
    written = measure(*FLEETS)
    assert set(written["SQLite"]) == {"idle"}
    assert written["SQLite"]["idle"]["members"] == 4 * COUNT
    if "PostgreSQL" in written:
        assert written["PostgreSQL"]["idle"]["statements_per_minute"] > 0
        rates = written["PostgreSQL"]["scale"]
        assert all(rates[where][workers]["per_second"] > 0 for where in ("in_memory", "on_devices") for workers in ("1", "2"))


def test_a_part_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench.main(["speed"])
    assert ", ".join(bench.PARTS) in capsys.readouterr().err


WRK = """\
Running 3s test @ http://127.0.0.1:18080/
  1 threads and 4 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   812.40us    1.20ms  31.00ms   95.10%
    Req/Sec     5.12k   300.00     6.00k    70.00%
  Latency Distribution
     50%  700.00us
     75%    0.90ms
     90%    1.20ms
     99%    4.46ms
  15360 requests in 3.00s, 2.10MB read
  Socket errors: connect 1, read 20, write 300, timeout 4000
  Non-2xx or 3xx responses: 50000
Requests/sec:   5120.00
Transfer/sec:    716.80KB
"""


def test_what_wrk_says_is_read() -> None:
    assert carried.read(WRK) == carried.Load(requests=15360, per_second=5120.0, p99=4.46, failed=54321)
    assert carried.read(WRK.replace("4.46ms", "812.00us")).p99 == pytest.approx(0.812)
