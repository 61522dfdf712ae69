"""Carries out the script: does each fault when its time has come, and undoes it."""

from __future__ import annotations

import heapq
import itertools
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial

import urllib3

from chaos.devices import SPEED, Device
from chaos.script import Step
from chaos.site import Site
from tests.brokers import RabbitMQ
from tests.proxy import Link

_LOOK = 0.05

EDITS = 5
"""How many edits are to be acknowledged from one kill to the next ..."""

PATIENCE = 8.0
"""... and for how many seconds at most they are waited for. The script is late by as much."""

_LINKS = {"cut": Link.REFUSED, "stall": Link.SILENT, "slow": Link.SLOW}


class Trouble:
    """Makes trouble at a site. `done` counts what was done by its kind. Everything is done by one thread."""

    def __init__(self, site: Site, acknowledged: Callable[[], int], say: Callable[[str], None]) -> None:
        self._site = site
        self._acknowledged = acknowledged
        self._say = say
        self._later: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._gone: set[str] = set()
        self._starting: list[Future[None]] = []
        # What a thread has started ends with it, so this one stays. Servers take long, and nothing else must wait for them.
        self._servers = ThreadPoolExecutor(1, thread_name_prefix="servers")
        self.done: Counter[str] = Counter()

    def run(self, steps: Sequence[Step]) -> None:
        """All of the script. Returns when everything has been undone."""
        began, edits = time.monotonic(), self._acknowledged()
        kills = sum(step.kind == "kill" for step in steps)
        for step in steps:
            self._until(began + step.at)
            if step.kind == "kill":
                began += self._while_unanswered(edits)
                edits = self._acknowledged()
            self.done[step.kind] += 1
            number = f" ({self.done['kill']} of {kills})" if step.kind == "kill" else ""
            self._say(f"{step.text}{number}")
            self._do(step)
        while self._later:
            self._until(self._later[0][0])
        self._heal()

    def _until(self, moment: float) -> None:
        """Wait, look after the processes meanwhile, and undo what is to be undone by then."""
        while True:
            now = time.monotonic()
            while self._later and self._later[0][0] <= min(now, moment):
                heapq.heappop(self._later)[2]()
            self._site.look_after()
            if now >= moment:
                return
            time.sleep(min(_LOOK, moment - now))

    def _while_unanswered(self, edits: int) -> float:
        """Give clients time to get something acknowledged: a slow machine would see nothing but kills. Gives how long it took."""
        began = time.monotonic()
        while self._acknowledged() < edits + EDITS and time.monotonic() < began + PATIENCE:
            self._until(time.monotonic() + _LOOK)
        return time.monotonic() - began

    def _after(self, seconds: float, undo: Callable[[], None]) -> None:
        heapq.heappush(self._later, (time.monotonic() + seconds, next(self._numbers), undo))

    def _heal(self) -> None:
        """Whatever is left: servers, faults that nothing has met, links, processes that are down."""
        while any(not each.done() for each in self._starting):
            self._until(time.monotonic() + _LOOK)
        for each in self._starting:
            each.result()
        for link in self._site.links.values():
            link.set(Link.WHOLE)
        for device in self._site.devices.values():
            device.ask("DELETE", "/emulator/faults")
        for slot in self._site.slots.values():
            slot.signal(signal.SIGCONT)
            slot.due = 0.0
        self._site.look_after()

    def _do(self, step: Step) -> None:
        match step.kind:
            case "kill" | "stop" | "pause":
                self._process(step)
            case "cut" | "stall" | "slow":
                self._link(step)
            case "haproxy":
                self._haproxy(float(step.target))
            case "database":
                if self._site.database.stop is not None:
                    self._away("database", step.seconds, partial(self._site.database.stop, step.target == "kill"))
            case "broker":
                if self._site.broker is not None:
                    self._away("broker", step.seconds, partial(_stopped, self._site.broker))
            case _:
                # It may be away itself.
                with suppress(OSError, urllib3.exceptions.HTTPError):
                    self._device(self._named(step.target), step)

    def _away(self, name: str, seconds: float, stop: Callable[[], Callable[[], None]]) -> None:
        """Stop a server, and start it again later, unless it is away already."""
        if name in self._gone:
            return
        self._gone.add(name)
        stopped = self._servers.submit(stop)

        def again() -> None:
            stopped.result()()
            self._gone.discard(name)

        self._after(seconds, lambda: self._starting.append(self._servers.submit(again)))

    def _process(self, step: Step) -> None:
        slot = self._site.slots[step.target]
        while slot.running is None:  # what is not there cannot be killed
            self._until(time.monotonic() + _LOOK)
        if step.kind == "pause":
            slot.signal(signal.SIGSTOP)
            self._after(step.seconds, lambda: slot.signal(signal.SIGCONT))
            return
        if step.kind == "stop":
            slot.end(step.seconds)
        else:
            slot.kill()
            slot.due = time.monotonic() + step.seconds

    def _link(self, step: Step) -> None:
        link = self._site.links[step.target]
        link.set(_LINKS[step.kind])
        self._after(step.seconds, partial(link.set, Link.WHOLE))

    def _haproxy(self, which: float) -> None:
        """Kill some HAProxy process."""
        found = sorted(self._site.haproxys())
        if found:
            with suppress(ProcessLookupError):
                os.kill(found[int(which * len(found))], signal.SIGKILL)

    def _named(self, target: str) -> Device:
        """A device, or the one of a pair that is active; any of it where none is."""
        found = [each for each in self._site.devices.values() if target in (each.name, each.group)]
        return next((each for each in found if each.is_active()), found[0])

    def _device(self, device: Device, step: Step) -> None:
        seconds = {"seconds": step.seconds * SPEED}
        match step.kind:
            case "fault":
                device.ask("POST", "/emulator/faults", {**step.details, "life": 60})
            case "reboot" | "busy":
                device.ask("POST", f"/emulator/{step.kind}", seconds)
            case "expire":
                device.ask("POST", "/emulator/expire-tokens")
            case "lose":
                device.ask("POST", "/emulator/lose-configuration", {})
            case "standby":
                device.ask("POST", "/emulator/standby")


def _stopped(broker: RabbitMQ) -> Callable[[], None]:
    broker.stop()
    return broker.start
