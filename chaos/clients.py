"""Clients that edit load balancers all the time, and remember what was acknowledged."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from chaos.edits import Author, Balancer, Edit
from chaos.http import Api, NoAnswer, NotSent, Seen, differences

PROVIDERS = ("haproxy", "f5")

REST = 20.0
"""Seconds that a load balancer is left alone after an answer that was lost. Whatever was under way then has ended: no fault lasts
that long, and who worked on it is gone."""

_NOTHING_DONE = 503
"""What is answered while the database is away. That nothing was changed is believed, so that the judge finds where it is not so."""

_MOST, _FEWEST = 5, 3
_THINK = 0.2
_LOOKED_AT = 0.2


@dataclass(slots=True)
class Counted:
    """What came of the requests. `edits` are those that were acknowledged, by what they were; `wrong` are findings, in words."""

    edits: Counter[str] = field(default_factory=Counter)
    acknowledged: int = 0
    unknown: int = 0
    refused: int = 0
    not_sent: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)


class Client:
    """One client, with load balancers that nobody else edits, so that it is known what has to become of them."""

    def __init__(self, number: int, seed: str, ports: Sequence[int], members: str) -> None:
        self.author = Author(f"{seed} client {number}", f"c{number}", members)
        self.balancers: list[Balancer] = []
        self.counted = Counted()
        self.api = Api(ports, self.author.random)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"client {number}", daemon=True)
        self.broke: BaseException | None = None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Send nothing more."""
        self._stop.set()

    def join(self) -> None:
        """Wait for the answers that are still to come. Raises what the client stumbled over."""
        self._thread.join()
        if self.broke is not None:
            raise self.broke

    def _run(self) -> None:
        try:
            while not self._stop.wait(self.author.random.uniform(0, 2 * _THINK)):
                self._turn()
        except BaseException as error:  # noqa: BLE001 - whoever waits for this thread is told
            self.broke = error

    def _turn(self) -> None:
        """One edit of one load balancer, or a look at one of which something is not known."""
        chosen = self.author.random
        there = [each for each in self.balancers if each.unsure is not None or each.tree is not None]
        if len(there) < _FEWEST or (len(there) < _MOST and chosen.random() < 0.05):
            self._try(*self.author.create(chosen.choice(PROVIDERS)), new=True)
            return
        balancer = chosen.choice(there)
        if balancer.unsure is not None:
            if time.monotonic() - balancer.unsure[1] > REST:
                self.settle(balancer)
        elif len(there) > _FEWEST and chosen.random() < 0.03:
            self._try(balancer, self.author.delete(balancer))
        else:
            self._try(balancer, self.author.edit(balancer))

    def _try(self, balancer: Balancer, edit: Edit, *, new: bool = False) -> None:
        try:
            status, answer = self.api.send(edit.method, edit.path, edit.body)
        except NotSent:
            self.counted.not_sent += 1
            return
        except NoAnswer as lost:
            self._unknown(balancer, edit, new, "late" if lost.late else "cut")
            return
        if status >= 500 and status != _NOTHING_DONE:
            self._unknown(balancer, edit, new, str(status))
            return
        self.counted.statuses[str(status)] += 1
        if status == _NOTHING_DONE:
            return
        if status >= 400:
            self.counted.refused += 1
            self.counted.refusals[f"{status} {edit.what}: {_reason(answer)}"] += 1
            if status == 404:
                self.counted.wrong.append(f"{edit.method} {edit.path} of {balancer.name} was answered with 404: {_reason(answer)}")
        else:
            self.counted.acknowledged += 1
            self.counted.edits[edit.what] += 1
            if new:
                self.balancers.append(balancer)
                balancer.ids[balancer.name] = answer["loadbalancer"]["id"]
            balancer.tree = edit.after
            self._look(balancer)

    def _unknown(self, balancer: Balancer, edit: Edit, new: bool, why: str) -> None:
        self.counted.unknown += 1
        self.counted.statuses[why] += 1
        balancer.unsure = (edit, time.monotonic())
        if new:
            self.balancers.append(balancer)

    def _look(self, balancer: Balancer) -> None:
        """Look whether what was just acknowledged is there, always where ids are to be learnt, and at times otherwise."""
        tree = balancer.tree
        if tree is None or (set(tree) <= set(balancer.ids) and self.author.random.random() > _LOOKED_AT):
            return
        seen = Seen(self.api, balancer.ids[balancer.name])
        for each in differences(tree, seen.tree):
            self.counted.wrong.append(f"{balancer.name}, right after an acknowledged edit: {each}")
        balancer.ids |= seen.ids
        if seen.tree is not None and not set(tree) <= set(balancer.ids):
            # What is missing has been told; without its id it cannot be edited.
            balancer.tree = {name: each for name, each in tree.items() if name in balancer.ids}

    def settle(self, balancer: Balancer) -> bool:
        """Find out whether an edit without an answer was carried out: wholly or not at all. Tells whether it is known now."""
        if balancer.unsure is None:
            return True
        edit, _ = balancer.unsure
        seen = self.find(balancer)
        for tree in balancer.outcomes:
            if not differences(tree, seen.tree if seen else None):
                balancer.tree, balancer.unsure = tree, None
                balancer.ids |= seen.ids if seen else {}
                return True
        balancer.unsure = (edit, time.monotonic())
        return False

    def find(self, balancer: Balancer) -> Seen | None:
        """A load balancer as it is shown now. None if there is none of its name."""
        if balancer.id is not None:
            return Seen(self.api, balancer.id)
        found = self.api.list(f"/loadbalancers?name={balancer.name}")
        return Seen(self.api, found[0]["id"]) if found else None


def _reason(answer: object) -> str:
    return str(answer.get("faultstring", answer) if isinstance(answer, dict) else answer)[:200]
