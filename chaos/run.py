"""One run: everything is started, disturbed, left to itself and judged."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from chaos import databases, devices, site
from chaos.clients import Client
from chaos.databases import DatabaseServer
from chaos.devices import Watcher
from chaos.faults import Trouble
from chaos.judge import Judge, Verdict
from chaos.script import steps
from tests.proxy import Proxies

CLIENTS = 4

WARM_UP = 3.0
"""Seconds of peace in which the first load balancers are made."""

SETTLE = 180.0
"""Seconds after the last fault within which everything has to be as it should."""

CALM = 5.0
"""Seconds after which it has to be so still."""

_OPENED: dict[str, Callable[[Path], AbstractContextManager[DatabaseServer]]] = {"sqlite": databases.sqlite}


@dataclass(slots=True)
class Result:
    """What came of a run. `converged` is how many seconds after the last fault everything was as it should; None: not in time."""

    database: str
    seed: int
    kills: int
    faults: dict[str, int]
    edits: dict[str, int]
    acknowledged: int
    unknown: int
    refused: int
    statuses: dict[str, int]
    refusals: dict[str, int]
    ended_by_themselves: dict[str, int]
    load_balancers: int
    stepped_back: int
    seconds: float
    converged: float | None
    findings: dict[str, list[str]] = field(default_factory=dict)
    folder: str = ""

    @property
    def good(self) -> bool:
        """Whether nothing was found."""
        return self.converged is not None and not any(self.findings.values())

    def figures(self) -> dict[str, Any]:
        """All of it, as it is written to a file."""
        counts = {name: len(found) for name, found in self.findings.items()}
        return {**asdict(self), **counts, "good": self.good}


def run(database: str, seed: int, kills: int, say: Callable[[str], None]) -> Result:
    """One run on a kind of database. Raises tests.servers.NotInstalled."""
    folder = Path(tempfile.mkdtemp(prefix="bascule-chaos-"))
    began = time.monotonic()
    with ExitStack() as stack:
        server = stack.enter_context(_OPENED[database](folder))
        proxies = stack.enter_context(Proxies())
        pairs = stack.enter_context(devices.running(folder / "devices"))
        place = stack.enter_context(site.running(folder, server, pairs, proxies))
        watcher = stack.enter_context(Watcher(pairs))
        say(f"everything runs, in {folder}")
        clients = [Client(number, f"{seed}", place.ports, place.members) for number in range(1, CLIENTS + 1)]
        for client in clients:
            client.start()
        time.sleep(WARM_UP)
        trouble = Trouble(place, lambda: sum(client.counted.acknowledged for client in clients), say)
        trouble.run(steps(seed, kills, server=server.restart is not None, broker=place.stop_broker is not None))
        healed = time.monotonic()
        for client in clients:
            client.stop()
        verdict, converged = _settled(place, Judge(place, clients, watcher), healed, say)
        for client in clients:
            client.join()
        return Result(
            database=database,
            seed=seed,
            kills=trouble.done["kill"],
            faults=dict(trouble.done),
            edits=dict(_sum(client.counted.edits for client in clients)),
            acknowledged=sum(client.counted.acknowledged for client in clients),
            unknown=sum(client.counted.unknown for client in clients),
            refused=sum(client.counted.refused for client in clients),
            statuses=dict(_sum(client.counted.statuses for client in clients)),
            refusals=dict(_sum(client.counted.refusals for client in clients)),
            ended_by_themselves={slot.name: slot.by_itself for slot in place.slots.values() if slot.by_itself},
            load_balancers=sum(len(client.balancers) for client in clients),
            stepped_back=watcher.stepped_back,
            seconds=time.monotonic() - began,
            converged=converged,
            findings=verdict.findings(),
            folder=str(folder),
        )


def _settled(place: site.Site, judge: Judge, healed: float, say: Callable[[str], None]) -> tuple[Verdict, float | None]:
    """Judge again and again, until everything is as it should and stays so, or the time is over."""
    told = ""
    good_since: float | None = None
    while True:
        place.look_after()
        verdict = judge.judge()
        now = time.monotonic()
        if verdict.text != told:
            told = verdict.text
            say(f"{now - healed:.0f} s after the last fault: {told}")
        good_since = (good_since or now) if verdict.good else None
        if good_since is not None and now - good_since >= CALM:
            return verdict, good_since - healed
        if good_since is None and now - healed > SETTLE:
            return verdict, None
        time.sleep(0.5)


def _sum(counters: Any) -> Counter[str]:
    total: Counter[str] = Counter()
    for each in counters:
        total += each
    return total
