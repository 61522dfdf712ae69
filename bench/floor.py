"""The floor: what the measured requests cost where nothing stands between the server and the database.

The same server as Bascule's, with the same settings, answers with the same rows. SQL is written by hand for the raw drivers,
answers are plain dictionaries, and bodies are believed. Transactions are as careful as Bascule's: reads see one snapshot, writes
raise the generation of the unit first. Where callers have tokens of Keystone, they are checked by the same library: nobody who
serves OpenStack's clients gets around it. What is measured on top of this is what Bascule's layers cost.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import msgspec
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from bascule.cmd import api, process
from bascule.store.placement import NO_LIMIT
from bench import standard
from bench.floor_sql import COUNTED, EMPTY, Dialect, postgresql, sqlite
from bench.load import CONNECTIONS

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class Floor:
    """A WSGI application with the measured requests and no others."""

    def __init__(self, url: str) -> None:
        self._dialect: Dialect = sqlite(url) if url.startswith("sqlite") else postgresql(url)
        self._sql = self._dialect.sql
        self._mine = threading.local()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"].split("/")[4:]
        status = "200 OK"
        if method == "GET" and path:
            answer: Any = {"loadbalancer": self._one(path[0])}
        elif method == "GET":
            answer = self._list({name: value for name, (value,) in parse_qs(environ["QUERY_STRING"]).items()})
        else:
            status = "201 Created"
            body = _decode(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
            answer = self._create(body["loadbalancer"]) if not path else self._create_member(path[0], body["member"])
        content = _encode(answer)
        start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(content)))])
        return [content]

    def close(self) -> None:
        """Close the connections of this thread."""
        for connection in vars(self._mine).values():
            connection.close()

    def _read(self) -> AbstractContextManager[Any]:
        return self._dialect.read(self._connection("reading", self._dialect.connect_to_read))

    def _write(self) -> AbstractContextManager[Any]:
        return self._dialect.write(self._connection("writing", self._dialect.connect_to_write))

    def _connection(self, name: str, connect: Callable[[], Any]) -> Any:
        """This thread's own connection, so that no pool is needed."""
        found = getattr(self._mine, name, None)
        if found is None:
            found = connect()
            setattr(self._mine, name, found)
        return found

    def _one(self, load_balancer_id: str) -> dict[str, Any]:
        wanted = (load_balancer_id,)
        with self._read() as cursor:
            row = cursor.execute(self._sql.one, wanted).fetchone()
            listeners = [{"id": each[1]} for each in cursor.execute(self._sql.listeners_of, wanted).fetchall()]
            pools = [{"id": each[1]} for each in cursor.execute(self._sql.pools_of, wanted).fetchall()]
        return self._shown(row, listeners, pools)

    def _list(self, asked: dict[str, str]) -> dict[str, Any]:
        limit = int(asked.pop("limit"))
        page, listeners_of_page, pools_of_page = self._sql.pages[next(iter(asked), "")]
        values = (*asked.values(), limit)
        with self._read() as cursor:
            rows = cursor.execute(page, values).fetchall()
            listeners = _grouped(cursor.execute(listeners_of_page, values).fetchall())
            pools = _grouped(cursor.execute(pools_of_page, values).fetchall())
        shown = [self._shown(row, listeners.get(row[0], []), pools.get(row[0], [])) for row in rows]
        links = []
        if len(rows) == limit:
            query = f"limit={limit}&marker={rows[-1][0]}"
            links.append({"href": f"http://127.0.0.1/v2/lbaas/loadbalancers?{query}", "rel": "next"})
        return {"loadbalancers": shown, "loadbalancers_links": links}

    def _shown(self, row: tuple[Any, ...], listeners: list[Any], pools: list[Any]) -> dict[str, Any]:
        json = self._dialect.json
        return {
            "id": row[0],
            "name": row[1],
            "description": row[2],
            "provisioning_status": row[3],
            "operating_status": row[4],
            "admin_state_up": bool(row[5]),
            "project_id": row[6],
            "created_at": _moment(row[7]),
            "updated_at": None if row[8] is None else _moment(row[8]),
            "vip_address": row[9],
            "vip_port_id": row[10],
            "vip_subnet_id": row[11],
            "vip_network_id": row[12],
            "vip_sg_ids": json(row[13]),
            "additional_vips": json(row[14]),
            "listeners": listeners,
            "pools": pools,
            "provider": row[15],
            "flavor_id": row[16],
            "vip_qos_policy_id": row[17],
            "tags": json(row[18]),
            "availability_zone": row[19],
            "vip_vnic_type": "normal",
            "tenant_id": row[6],
        }

    def _create(self, wanted: dict[str, Any]) -> dict[str, Any]:
        with self._write() as cursor:
            claim = _claim(wanted)
            while cursor.execute(self._sql.claim, claim).rowcount == 0:  # somebody holds this address
                claim = _claim(wanted)
            rows = _Rows(wanted, claim)
            cursor.execute(self._sql.give, (len(wanted["listeners"]), EMPTY["unit"]["lane_id"], NO_LIMIT))
            for table, some in rows.tables.items():
                cursor.executemany(self._sql.insert[table], some)
            self._take(cursor, {table: len(some) for table, some in rows.tables.items()})
        return {"loadbalancer": rows.answer}

    def _create_member(self, pool_id: str, wanted: dict[str, Any]) -> dict[str, Any]:
        now = time.time()
        with self._write() as cursor:
            (unit_id, project_id, monitored) = cursor.execute(self._sql.home, (pool_id,)).fetchone()
            (generation,) = cursor.execute(self._sql.bump, (now, now, unit_id)).fetchone()
            (seq,) = cursor.execute(self._sql.next_seq, (unit_id,) * 6).fetchone()
            row = EMPTY["member"] | wanted
            row |= {"id": str(uuid.uuid4()), "pool_id": pool_id, "project_id": project_id, "load_balancer_id": unit_id}
            row |= {"seq": seq, "created": generation, "changed": generation, "created_at": now}
            row["operating_status"] = "OFFLINE" if monitored else "NO_MONITOR"
            cursor.execute(self._sql.insert["member"], row)
            cursor.execute(self._sql.touch_pool, (generation, pool_id))
            cursor.execute(self._sql.touch_listeners, (generation, unit_id, pool_id, pool_id))
            cursor.execute(self._sql.touch_load_balancer, (generation, unit_id))
            text = f"The member {row['address']} port {row['protocol_port']} was created."
            cursor.execute(self._sql.insert["event"], _event(unit_id, generation, "member", row["id"], text, now))
            self._take(cursor, {"member": 1})
        return {"member": _answer(row)}

    def _take(self, cursor: Any, added: dict[str, int]) -> None:
        numbers = [added.get(kind, 0) for kind in COUNTED]
        if not cursor.execute(self._sql.take, (*numbers, standard.PROJECT, *numbers)).rowcount:
            raise ValueError("the project may not have so many")


class _Rows:
    """The rows of a new load balancer with everything below it, by table, and the answer that shows them."""

    def __init__(self, wanted: dict[str, Any], claim: dict[str, Any]) -> None:
        self._now = time.time()
        self._id = claim["unit_id"]
        self.tables: dict[str, list[dict[str, Any]]] = {}
        root = self._add(
            "load_balancer",
            id=self._id,
            project_id=standard.PROJECT,
            created_at=self._now,
            name=wanted["name"],
            vip_address=claim["name"],
            vip_subnet_id=claim["place"],
            vip_network_id=standard.VIPS.network_id,
            vip_port_id=claim["id"],
        )
        self._add("unit", id=self._id, key=self._id, project_id=standard.PROJECT, due_at=self._now, behind_since=self._now)
        text = f"The load balancer {root['name']} was created."
        self._add("event", **_event(self._id, 1, "load_balancer", self._id, text, self._now))
        self._seq = iter(range(1000))
        self._pool_ids = {each["name"]: str(uuid.uuid4()) for each in wanted["pools"]}
        pools = [self._pool(each) for each in wanted["pools"]]
        listeners = [self._listener(each) for each in wanted["listeners"]]
        self.answer = _answer(root) | {"listeners": listeners, "pools": pools}

    def _add(self, table: str, **values: Any) -> dict[str, Any]:
        row = EMPTY[table] | values
        self.tables.setdefault(table, []).append(row)
        return row

    def _child(self, table: str, **values: Any) -> dict[str, Any]:
        own = {"id": str(uuid.uuid4()), "seq": next(self._seq), "created_at": self._now}
        return self._add(table, **(own | {"project_id": standard.PROJECT, "load_balancer_id": self._id} | values))

    def _pool(self, wanted: dict[str, Any]) -> dict[str, Any]:
        own = {name: value for name, value in wanted.items() if name not in ("members", "healthmonitor")}
        row = self._child("pool", **(own | {"id": self._pool_ids[wanted["name"]]}))
        monitor = wanted.get("healthmonitor")
        shown = _answer(self._child("health_monitor", pool_id=row["id"], **monitor)) if monitor else None
        status = "OFFLINE" if monitor else "NO_MONITOR"
        members = [_answer(self._child("member", pool_id=row["id"], operating_status=status, **each)) for each in wanted["members"]]
        return _answer(row) | {"healthmonitor": shown, "members": members}

    def _listener(self, wanted: dict[str, Any]) -> dict[str, Any]:
        own = {name: value for name, value in wanted.items() if name not in ("default_pool", "l7policies")}
        row = self._child("listener", **own, default_pool_id=self._pool_ids[wanted["default_pool"]["name"]])
        policies = [self._policy(row["id"], number, each) for number, each in enumerate(wanted.get("l7policies", ()), 1)]
        return _answer(row) | {"l7policies": policies}

    def _policy(self, listener_id: str, position: int, wanted: dict[str, Any]) -> dict[str, Any]:
        pool_id = self._pool_ids[wanted["redirect_pool"]["name"]]
        row = self._child("l7policy", listener_id=listener_id, action=wanted["action"], redirect_pool_id=pool_id, position=position)
        rules = [_answer(self._child("l7rule", l7policy_id=row["id"], **rule)) for rule in wanted["rules"]]
        return _answer(row) | {"rules": rules}


def _claim(wanted: dict[str, Any]) -> dict[str, Any]:
    """A claim of some address for a new load balancer."""
    address = f"198.18.{random.randrange(256)}.{random.randrange(1, 255)}"
    held = {"id": str(uuid.uuid4()), "unit_id": str(uuid.uuid4()), "place": wanted["vip_subnet_id"], "name": address}
    return EMPTY["claim"] | held


def _event(unit_id: str, generation: int, kind: str, object_id: str, text: str, now: float) -> dict[str, Any]:
    what = {"object_kind": kind, "object_id": object_id, "text": text}
    return {"load_balancer_id": unit_id, "generation": generation, "at": now} | what


def _answer(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"created_at": _moment(row["created_at"]), "tenant_id": row["project_id"]}


def _grouped(rows: Iterable[tuple[str, str]]) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for owner_id, child_id in rows:
        found.setdefault(owner_id, []).append({"id": child_id})
    return found


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def main(arguments: list[str]) -> int:
    """Serve the floor, as bascule-api serves Bascule."""
    parser = argparse.ArgumentParser(prog="python -m bench.floor", description=__doc__)
    parser.add_argument("--database", metavar="URL", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--tokens", metavar="FILE", help="ask callers for tokens, as the section [keystone_authtoken] says")
    given = parser.parse_args(arguments)
    process.live_no_longer_than_parent()
    server = Granian(
        "bench.floor:Floor",
        address="127.0.0.1",
        port=given.port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=CONNECTIONS,
        backpressure=api.BACKPRESSURE,
        workers_kill_timeout=api.GRACE,
        log_level=LogLevels.warning,
    )
    parent = os.getpid()

    def load(_target: str) -> WSGIApplication:
        process.live_no_longer_than_parent(parent)
        made: WSGIApplication = Floor(given.database)
        if given.tokens:
            from bench.tokens import Administrators  # which loads a lot of libraries

            made = Administrators(made, given.tokens)
        process.collect_garbage_less_often()
        return made

    server.serve(target_loader=load)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
