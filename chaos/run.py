"""One run: everything is started, disturbed, left to itself and judged."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from chaos import devices, site
from chaos.clients import Client
from chaos.databases import OPENED
from chaos.devices import Watcher
from chaos.faults import Trouble
from chaos.judge import Judge, Verdict
from chaos.script import steps
from tests import brokers
from tests.servers import NotInstalled

CLIENTS = 4

WARM_UP = 3.0
"""Seconds of peace in which the first load balancers are made."""

SETTLE = 180.0
"""Seconds after the last fault within which everything has to be as it should."""

CALM = 5.0
"""Seconds after which it has to be so still."""


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


@dataclass(slots=True)
class Run:
    """Everything that runs, and those who edit and watch it."""

    database: str
    seed: int
    place: site.Site
    clients: list[Client]
    watcher: Watcher
    trouble: Trouble
    judge: Judge
    say: Callable[[str], None]

    def disturb(self, kills: int) -> float:
        """Edit, and carry out the script meanwhile. Gives when the last fault was over, on the monotonic clock."""
        for client in self.clients:
            client.start()
        time.sleep(WARM_UP)
        server, broker = self.place.database.stop is not None, self.place.broker is not None
        self.trouble.run(steps(self.seed, kills, server=server, broker=broker))
        for client in self.clients:
            client.stop()
        return time.monotonic()

    def settle(self, healed: float) -> tuple[Verdict, float | None]:
        """Judge again and again, until everything is as it should be and stays so, or the time is over. Gives how long it took."""
        told = ""
        good_since: float | None = None
        while True:
            self.place.look_after()
            verdict = self.judge.judge()
            now = time.monotonic()
            if verdict.text != told:
                told = verdict.text
                self.say(f"{now - healed:.0f} s after the last fault: {told}")
            good_since = (good_since or now) if verdict.good else None
            if good_since is not None and now - good_since >= CALM:
                return verdict, good_since - healed
            if good_since is None and now - healed > SETTLE:
                return self.judge.judge(everything=True), None
            time.sleep(0.5)


@contextmanager
def started(database: str, seed: int, folder: Path, say: Callable[[str], None]) -> Iterator[Run]:
    """Everything that a run needs, in a folder; nobody edits yet. Raises tests.servers.NotInstalled."""
    with ExitStack() as stack:
        server = stack.enter_context(OPENED[database](folder))
        # Who has a database server has several machines, and a broker between them.
        broker = stack.enter_context(brokers.rabbitmq()) if server.addresses else None
        pairs = stack.enter_context(devices.running(folder / "devices"))
        place = stack.enter_context(site.running(folder, server, broker, pairs))
        watcher = stack.enter_context(Watcher(pairs))
        say(f"everything runs, in {folder}")
        clients = [Client(number, f"{seed}", place.ports, place.members) for number in range(1, CLIENTS + 1)]
        trouble = Trouble(place, lambda: sum(client.counted.acknowledged for client in clients), say)
        yield Run(database, seed, place, clients, watcher, trouble, Judge(place, clients, watcher), say)


def run(database: str, seed: int, kills: int, say: Callable[[str], None]) -> Result:
    """One run on a kind of database. Raises tests.servers.NotInstalled."""
    folder = Path(tempfile.mkdtemp(prefix="bascule-chaos-"))
    began = time.monotonic()
    try:
        with started(database, seed, folder, say) as now:
            verdict, converged = now.settle(now.disturb(kills))
            for client in now.clients:
                client.join()
            return _result(now, verdict, converged, time.monotonic() - began)
    except NotInstalled:
        shutil.rmtree(folder)
        raise


def _result(now: Run, verdict: Verdict, converged: float | None, seconds: float) -> Result:
    counted = [client.counted for client in now.clients]
    return Result(
        database=now.database,
        seed=now.seed,
        kills=now.trouble.done["kill"],
        faults=dict(now.trouble.done),
        edits=_sum(each.edits for each in counted),
        acknowledged=sum(each.acknowledged for each in counted),
        unknown=sum(each.unknown for each in counted),
        refused=sum(each.refused for each in counted),
        statuses=_sum(each.statuses for each in counted),
        refusals=_sum(each.refusals for each in counted),
        ended_by_themselves={slot.name: slot.by_itself for slot in now.place.slots.values() if slot.by_itself},
        load_balancers=sum(len(client.balancers) for client in now.clients),
        stepped_back=now.watcher.stepped_back,
        seconds=seconds,
        converged=converged,
        findings=verdict.findings(),
        folder=str(now.place.folder),
    )


def _sum(counters: Iterable[Counter[str]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in counters:
        total += each
    return dict(total)
