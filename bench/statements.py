"""How many SQL statements a request sends. The API runs inside this process, so that every statement can be seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from bascule.store.engine import Database
from bench import standard
from bench.databases import Databases
from bench.inside import ask, inside
from bench.workloads import ROOT

_KINDS = {"SELECT": "reads", "INSERT": "writes", "UPDATE": "writes", "DELETE": "writes"}


@dataclass(slots=True)
class Count:
    """How many statements read and write tables, and how many others there are. One that writes many rows counts once."""

    reads: int = 0
    writes: int = 0
    others: int = 0


def measure(databases: Databases, most: int, say: Callable[[str], None]) -> dict[str, Count]:
    """Count the statements of each request on a database with `most` load balancers, by the request's name."""
    say(f"{databases.name}: counting statements")
    with inside(databases.holding(most)) as bascule:
        found = ask(bascule.application, "GET", f"{ROOT}?limit=1")["loadbalancers"][0]
        asked: dict[str, tuple[Any, ...]] = {
            "GET one": ("GET", f"{ROOT}/{found['id']}"),
            "list 20": ("GET", f"{ROOT}?limit=20"),
            f"list {most}": ("GET", f"{ROOT}?limit={most}"),
            "POST load balancer": ("POST", ROOT, standard.body("counted")),
            "member create": ("POST", f"/v2/lbaas/pools/{found['pools'][0]['id']}/members", standard.member_body(256)),
        }
        counts = {}
        for name, request in asked.items():
            with counting(bascule.database) as counts[name]:
                ask(bascule.application, *request)
        return counts


@contextmanager
def counting(database: Database) -> Iterator[Count]:
    count = Count()

    def note(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
        kind = _KINDS.get(statement.split(maxsplit=1)[0], "others")
        setattr(count, kind, getattr(count, kind) + 1)

    for engine in database.engines:
        sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield count
    finally:
        for engine in database.engines:
            sa.event.remove(engine, "before_cursor_execute", note)
