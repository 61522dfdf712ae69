"""The worker: takes lanes in which something is due, runs passes over them, has the recorder write down what came of it.

It holds no state that matters. Whatever it was doing when it died is due again as soon as somebody else may take the lane.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

from bascule.core import known as knowledge
from bascule.core import metrics
from bascule.core.leases import Silence
from bascule.core.passes import Interrupted, Passes
from bascule.core.recorder import Recorder, Result
from bascule.model import trace
from bascule.model.backend import Backend, Fenced
from bascule.model.errors import Away
from bascule.store import due, lanes, meta, placement, units
from bascule.store.engine import Database
from bascule.store.lanes import LaneLost, Lease
from bascule.store.observed import Carrier
from bascule.store.units import LOAD_BALANCER, Rank, Unit

LOG = logging.getLogger(__name__)

_COURTESY = 0.02
"""Seconds that a worker waits for each lane that it holds already before it takes another one. All workers wake up at once, and who
holds fewer goes first, so that lanes are shared out among them."""

_LONGEST_COURTESY = 0.1
"""Seconds."""


MANY = 1000
"""More lanes than a worker has. Each has a thread while it is worked in: one whose devices do not answer is in nobody's way."""


class Worker:
    """Serves the lanes of its backends whose tags it has.

    `lease` (seconds): how long the holder of a lane may give no sign of life before somebody else takes it, measured on the taker's
    own monotonic clock. `batch`: how many units go together.
    """

    def __init__(
        self,
        database: Database,
        backends: Mapping[str, Backend],
        passes: Passes,
        recorder: Recorder,
        *,
        tags: Sequence[str] = (),
        lease: float = 15.0,
        batch: int = 50,
        lanes_at_once: int = MANY,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._backends = backends
        self._passes = passes
        self._recorder = recorder
        self._tags = frozenset(tags)
        self._lease = lease
        self._batch = batch
        self._clock = clock
        self._owner = str(uuid.uuid4())
        self._silence = Silence(self._owner, lease, monotonic)
        self._monotonic = monotonic
        self._pool = ThreadPoolExecutor(lanes_at_once, thread_name_prefix="lane")
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._serving: dict[str, Future[bool]] = {}
        self._missed: set[str] = set()
        self._since: dict[str, float] = {}
        self._refused: dict[str, int] = {}
        self._turns: dict[str, due.Turns] = {}

    def start(self) -> None:
        """Make the rows of the lanes that the backends have. Called once before the first tick."""
        specs = {name: backend.lanes() for name, backend in self._backends.items()}
        self._database.write(lambda conn: placement.ensure(conn, specs))

    def stop(self, within: float | None = None) -> list[str]:
        """Begin to write nothing more, finish what is being written, and give the lanes back.

        Gives the lanes whose data plane has still not answered after so many seconds. Where the process ends nevertheless, whoever
        takes such a lane after a lease looks for itself what was written.
        """
        with self._lock:
            self._stopping.set()
            running = dict(self._serving)
        self._pool.shutdown(wait=False)
        wait(running.values(), within)
        return sorted(lane_id for lane_id, each in running.items() if not each.done())

    def begin(self) -> bool:
        """Begin to serve every lane in which something is due, and wait for none of them. One slow lane holds up no other.

        Always False: there is nothing to be gained from calling again at once.
        """
        with self._database.read() as conn:
            found = lanes.with_due(conn, self._clock())
        mine = [lane for lane in found if lane.backend in self._backends and self._tags.issuperset(lane.tags)]
        with self._lock:
            for lane in mine:
                if lane.id in self._serving:
                    self._missed.add(lane.id)
                elif not self._stopping.is_set():
                    self._serving[lane.id] = self._pool.submit(self._serve, lane.id)
        return False

    def working(self) -> dict[str, float]:
        """The lanes that are held now, with the seconds since they were taken."""
        now = self._monotonic()
        return {lane_id: round(now - since, 1) for lane_id, since in sorted(dict(self._since).items())}

    def tick(self) -> bool:
        """Serve every lane in which something is due until nothing is. Tells whether anything was done."""
        self.begin()
        with self._lock:
            running = list(self._serving.values())
        return any([each.result() for each in running])  # noqa: C419 - wait for all of them

    def _serve(self, lane_id: str) -> bool:
        """Serve a lane, and once more if it was asked for in the meantime. Whatever goes wrong in it stays in it."""
        worked = False
        while True:
            try:
                if not self._stopping.is_set():
                    with trace.named(trace.new("lane")):
                        worked = self._hold(lane_id) or worked
            except Exception:
                LOG.exception("lane %s cannot be served now", lane_id)
            with self._lock:  # in one go: what is asked for afterwards begins anew
                if lane_id not in self._missed or self._stopping.is_set():
                    del self._serving[lane_id]
                    return worked
                self._missed.discard(lane_id)

    def _hold(self, lane_id: str) -> bool:
        """Take a lane if it can be had, and work until nothing is due in it."""
        self._stopping.wait(min(_COURTESY * len(self._since), _LONGEST_COURTESY))
        with self._database.read() as conn:
            lane, epoch = lanes.get(conn, lane_id), meta.epoch(conn)
        if self._refused.get(lane_id) == epoch or not self._silence.may_take(lane):
            return False
        lease = self._database.write(lambda conn: lanes.take(conn, lane, self._owner))
        if lease is None:
            return False
        done = threading.Event()
        beating = threading.Thread(target=trace.carried(self._beat), args=(lease, done), name=f"beat {lane_id}", daemon=True)
        beating.start()
        self._since[lane_id] = self._monotonic()
        try:
            return self._work(lease)
        except LaneLost:
            _tell_of_loss(lane_id)
        except Fenced:
            self._refuse(lease, epoch)
        finally:
            del self._since[lane_id]
            done.set()
            beating.join()
        return False

    def _refuse(self, lease: Lease, epoch: int) -> None:
        """Leave a lane alone whose data plane knows a newer owner than the database does: the database is not the newest."""
        try:
            self._database.write(lambda conn: lanes.hold(conn, lease, release=True))
        except LaneLost:
            _tell_of_loss(lease.lane_id)
            return
        self._refused[lease.lane_id] = epoch
        LOG.error(
            "the data plane of lane %s has seen a newer owner than this database knows: nothing is written to it. "
            "If the database was restored from a backup, run bascule-db-manage new-epoch",
            lease.lane_id,
        )

    def _work(self, lease: Lease) -> bool:
        """Pass over a batch, and over one unit that failed before, until nothing is due. Then give the lane back."""
        worked = False
        try:
            while not self._stopping.is_set() and any([self._pass(lease, due.together), self._pass(lease, due.alone)]):
                worked = True
        except Interrupted:
            LOG.debug("lane %s: a pass was broken off before it wrote anything", lease.lane_id)
        self._database.write(lambda conn: lanes.hold(conn, lease, release=True))
        return worked

    def _beat(self, lease: Lease, done: threading.Event) -> None:
        """Give signs of life while a pass runs, so that a long apply does not cost the lane."""
        while not done.wait(self._lease / 3):
            try:
                self._database.write(lambda conn: lanes.hold(conn, lease))
            except LaneLost:
                return
            except Exception:
                LOG.exception("lane %s: no sign of life could be given", lease.lane_id)

    def _pass(self, lease: Lease, choose: due.Choose) -> bool:
        """One pass and its record. Tells whether anything was due."""
        with self._database.read() as conn:
            turns = self._turns.setdefault(lease.lane_id, due.Turns())
            chosen = _first(choose(conn, lease.lane_id, self._clock(), self._batch, turns))
        if chosen:
            with trace.named(trace.new("pass")):
                LOG.debug("lane %s: %s", lease.lane_id, ", ".join(chosen))
                self._together(lease, chosen)
        return bool(chosen)

    def _together(self, lease: Lease, chosen: Mapping[str, Unit]) -> None:
        """Pass over units and record it. If that cannot be done for all of them, one by one; who cannot be helped is put off."""
        try:
            with metrics.LOAD.time(), self._database.read() as conn:
                batch = knowledge.load(conn, chosen)
                needed = sorted({each for known in batch.values() for each in known.needs})
                shared = knowledge.load(conn, units.load(conn, needed)) if needed else {}
                fence = meta.fence(conn, lease.fence)

            def intend(carriers: Sequence[Carrier]) -> None:
                if self._stopping.is_set():
                    raise Interrupted
                if carriers:
                    self._recorder.intend(lease, carriers)

            results = self._passes.run(lease.lane_id, fence, list(batch.values()), shared, intend)
            self._record(lease, results)
            for each in results:
                metrics.PASSES.labels(each.unit.backend, each.outcome).inc()
        except (LaneLost, Fenced, Interrupted, Away):
            raise
        except Exception:
            LOG.exception("lane %s: %d units could not be passed over", lease.lane_id, len(chosen))
            if len(chosen) > 1:
                for unit in chosen.values():
                    self._together(lease, {unit.id: unit})
            else:
                self._recorder.postpone(lease, *chosen.values())

    def _record(self, lease: Lease, results: Sequence[Result]) -> None:
        """Write down what came of a pass. Who is told now that the lane was lost may have written something that its next owner did
        not find there: that one is asked to compare. Raises LaneLost."""
        try:
            with metrics.RECORD.time():
                self._recorder.record(lease, results)
        except LaneLost:
            ids = [result.unit.id for result in results]
            self._database.write(lambda conn: units.ask(conn, ids, self._clock(), Rank.DRIFT))
            raise


def _tell_of_loss(lane_id: str) -> None:
    metrics.LEASES_LOST.inc()
    LOG.warning("lane %s was taken over by another worker", lane_id)


def _first(chosen: Sequence[Unit]) -> dict[str, Unit]:
    """Of what is due, what goes now: what others need goes before them."""
    shared = [unit for unit in chosen if unit.kind != LOAD_BALANCER]
    return {unit.id: unit for unit in (shared or chosen)}
