"""The health manager: asks data planes what they see, and has the recorder write down what is new.

Of several health managers one watches a lane at a time: it holds the lane's watch for as long as it lives.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence, Set
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import replace

import sqlalchemy as sa

from bascule.core.leases import Silence
from bascule.core.recorder import Recorder
from bascule.model.backend import Backend, Reads
from bascule.model.errors import Away
from bascule.model.health import Health, LaneState
from bascule.model.status import Report
from bascule.store import lanes, observed, units, watches
from bascule.store.engine import Database
from bascule.store.lanes import Lane, LaneLost, Lease
from bascule.store.watches import LEASES, Watch

LOG = logging.getLogger(__name__)

_CHUNK = 200
"""How many load balancers are written down at a time."""

_CHECK = 10.0
"""Seconds from one look at the devices of a lane to the next, while nothing is wrong with them."""

_REST, _SHORT_REST = 10.0, 2.0
_LONGEST_REST = 120.0
"""A data plane that cannot be asked cheaply is asked again after so many times as long as its answer took, or as it was waited
for in vain; seconds at most. One that is known to be away is spared nothing."""

_LOAD = 60.0
"""Seconds after which it is asked again how much a device has to do."""

_RESYNC_PER_SECOND = 500
"""How many load balancers a second are brought up of a lane that came back: as many as it can take, for it carries none of them."""

_PATIENCE = 600.0
"""What has been in trouble for so many seconds keeps a lane from being ready no longer."""


class HealthManager:
    """Watches the lanes of its backends whose tags it has.

    `lease` (seconds): how long who watches a lane may give no sign of life before another one does. `every`: seconds from one look
    at a lane to the next, or more where devices take long for their answers. `clock` gives seconds since the epoch, UTC.
    """

    def __init__(
        self,
        database: Database,
        backends: Mapping[str, Backend],
        recorder: Recorder,
        *,
        tags: Sequence[str] = (),
        lease: float = 15.0,
        every: float = 0.0,
        lanes_at_once: int = 4,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._backends = backends
        self._named = {spec.id for each in backends.values() for spec in each.lanes()}
        self._recorder = recorder
        self._tags = frozenset(tags)
        self._lease = lease
        self._every = every
        self._clock = clock
        self._monotonic = monotonic
        self._owner = str(uuid.uuid4())
        self._silence = Silence(self._owner, lease, monotonic)
        self._pool = ThreadPoolExecutor(lanes_at_once, thread_name_prefix="watch")
        self._lock = threading.Lock()
        self._looking: dict[str, Future[bool]] = {}
        self._next_beat = float("-inf")
        self._looked: dict[str, float] = {}
        self._rest: dict[str, float] = {}
        self._checked: dict[str, float] = {}
        self._last: dict[str, tuple[int, Mapping[tuple[str, str], Report]]] = {}
        """What was reported last, by lane, with the fence of the watch: what another one saw since then is not known here."""

    def begin(self) -> None:
        """Begin to look at every lane that is ours and whose time has come, and wait for none of them."""
        now = self._monotonic()
        with self._database.read() as conn:
            mine = [each for each in lanes.load(conn) if self._is_for_us(each)]
            found = watches.load(conn)
        held = self._keep(mine, found, now)
        with self._lock:
            for lane in mine:
                due = now - self._looked.get(lane.id, float("-inf")) >= max(self._every, self._rest.get(lane.id, 0.0))
                if due and lane.id in held and lane.id not in self._looking:
                    self._looked[lane.id] = now
                    self._looking[lane.id] = self._pool.submit(self._look, lane)

    def _is_for_us(self, lane: Lane) -> bool:
        """Whether we can see a lane. One without tags may be known to others alone, whose settings have it already, or still."""
        return lane.backend in self._backends and self._tags.issuperset(lane.tags) and (bool(lane.tags) or lane.id in self._named)

    def tick(self) -> bool:
        """Look at every lane that is ours once. Tells whether anything was new."""
        self.begin()
        with self._lock:
            running = list(self._looking.values())
        return any([each.result() for each in running])  # noqa: C419 - wait for all of them

    def stop(self) -> None:
        """Finish what runs and let others watch, each lane as soon as it can be, as devices may take long for their answers."""
        self._pool.shutdown(wait=False)
        with self._lock:
            looking = {future: lane_id for lane_id, future in self._looking.items()}
        try:
            with self._database.read() as conn:
                held = {each.id: _lease(each) for each in watches.load(conn).values() if each.owner == self._owner}
            for lane_id in held.keys() - looking.values():
                self._release(held[lane_id])
            for lane_id in (looking[each] for each in as_completed(looking)):
                if lane_id in held:
                    self._release(held[lane_id])
        except (Away, sa.exc.SQLAlchemyError) as error:
            LOG.warning("others watch what was watched from here after a lease: %s", error)

    def _release(self, lease: Lease) -> None:
        try:
            self._database.write(lambda conn: LEASES.hold(conn, lease, release=True))
        except LaneLost:
            LOG.info("lane %s is watched by another health manager already", lease.lane_id)

    def _keep(self, mine: Sequence[Lane], found: Mapping[str, Watch], now: float) -> set[str]:
        """Give signs of life, and take what is free. Gives the lanes that are watched from here."""
        missing = [lane.id for lane in mine if lane.id not in found]
        if missing:
            self._database.write(lambda conn: watches.ensure(conn, missing, self._clock()))
            found = dict(found) | {each: Watch(id=each, since=self._clock()) for each in missing}
        held = {lane.id for lane in mine if found[lane.id].owner == self._owner}
        if held and now >= self._next_beat:
            self._next_beat = now + self._lease / 3
            self._database.write(lambda conn: LEASES.beat_all(conn, self._owner))
        for lane in mine:
            if lane.id not in held and self._silence.may_take(found[lane.id]) and self._take(found[lane.id]):
                held.add(lane.id)
        return held

    def _take(self, watch: Watch) -> bool:
        return self._database.write(lambda conn: LEASES.take(conn, watch, self._owner)) is not None

    def _look(self, lane: Lane) -> bool:
        """Ask a lane once. Whatever goes wrong in it stays in it."""
        try:
            return self._report(lane)
        except LaneLost:
            LOG.warning("lane %s is watched by another health manager now", lane.id)
        except Exception:
            LOG.exception("lane %s cannot be asked", lane.id)
        finally:
            with self._lock:
                del self._looking[lane.id]
        return False

    def _report(self, lane: Lane) -> bool:
        """Have written down what a lane's carriers say, and how its devices are. Tells whether the former was new."""
        backend = self._backends[lane.backend]
        with self._database.read() as conn:
            watch, ids = watches.load(conn)[lane.id], observed.serving(conn, lane.id)
        if watch.owner != self._owner:
            raise LaneLost(lane.id)
        began = self._monotonic()
        reports = backend.report(lane.id, ids)  # in one go, so that devices are asked once for all of it
        answers = bool(reports) and all(each.alive for each in reports)
        rest = (_REST if answers else 0.0 if reports else _SHORT_REST) if backend.reads is Reads.RECORD else 0.0
        self._rest[lane.id] = min((self._monotonic() - began) * rest, _LONGEST_REST)
        fence, last = self._last.get(lane.id, (watch.fence, {}))
        last = last if fence == watch.fence else {}
        serving = self._believed(lane, reports)
        news, doubted = False, 0
        for start in range(0, len(reports), _CHUNK):
            some = reports[start : start + _CHUNK]
            fresh = [each for each in some if not _is_known(each, last, serving)]
            doubted += self._recorder.report(fresh, _lease(watch))
            self._recorder.count([each for each in some if last.get((each.unit_id, each.carrier)) != each], _lease(watch))
            news = news or bool(fresh)
        self._last[lane.id] = watch.fence, {(each.unit_id, each.carrier): each for each in reports}
        self._check(backend, watch, lost=2 * doubted > len(ids), quiet=answers or not ids)
        return news

    def _believed(self, lane: Lane, reports: Sequence[Report]) -> Set[tuple[str, str]]:
        """The carriers that serve as far as is on record, where any of them does not answer."""
        if all(each.alive for each in reports):
            return frozenset()
        with self._database.read() as conn:
            return observed.believed(conn, lane.id)

    def _check(self, backend: Backend, watch: Watch, *, lost: bool, quiet: bool) -> None:
        """Look at the devices, if it is time to or anything may be wrong. `lost`: they do not hold any more what they held."""
        now = self._monotonic()
        well = quiet and not lost and watch.state is LaneState.READY
        if well and now - self._checked.get(watch.id, float("-inf")) < _CHECK:
            return
        self._checked[watch.id] = now
        load = self._clock() - watch.looked_at >= _LOAD
        health = backend.health(watch.id, load=load)
        same = health.away == (watch.state is LaneState.AWAY) and watch.state is not LaneState.FILLING
        if same and not lost and not load and health.devices == watch.devices:
            return
        before, after = self._database.write(lambda conn: self._write(conn, watch, health, lost=lost, load=load))
        if before.state is not after.state:
            LOG.warning("lane %s: its state was %s and is %s now", watch.id, before.state, after.state)

    def _write(self, conn: sa.Connection, watch: Watch, health: Health, *, lost: bool, load: bool) -> tuple[Watch, Watch]:
        """Write down what was seen of the devices, and what follows from it: the watch before and after."""
        LEASES.hold(conn, _lease(watch))  # first: whoever watches the lane by now knows better
        now = self._clock()
        state = self._state(conn, watch, health, lost, now)
        after = replace(watch, devices=health.devices, state=state, since=watch.since if state is watch.state else now)
        if load:
            after = replace(after, load=health.load, looked_at=now)
        watches.save(conn, watch, after)
        return watch, after

    def _state(self, conn: sa.Connection, watch: Watch, health: Health, lost: bool, now: float) -> LaneState:
        if health.away:
            return LaneState.AWAY
        if watch.state is LaneState.AWAY or (lost and watch.state is LaneState.READY):
            units.resync(conn, watch.id, now, _RESYNC_PER_SECOND)
            return LaneState.FILLING
        filled = watch.state is LaneState.READY or watches.is_filled(conn, watch.id, now - _PATIENCE)
        return LaneState.READY if filled else LaneState.FILLING


def _lease(watch: Watch) -> Lease:
    return Lease(watch.id, watch.owner or "", watch.fence)


def _is_known(report: Report, last: Mapping[tuple[str, str], Report], serving: Set[tuple[str, str]]) -> bool:
    """Whether a report says, but for its counters, what the last one said. That a carrier does not answer is news as long as it
    serves as far as is on record: it may have come back and died again in between."""
    key = (report.unit_id, report.carrier)
    before = last.get(key)
    if before is None or before.alive is not report.alive:
        return False
    if not report.alive:
        return key not in serving
    return (before.listeners, before.members, before.places) == (report.listeners, report.members, report.places)
