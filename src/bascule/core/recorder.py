"""The one recorder: what came of passes, and what data planes report, is written down here and nowhere else.

Everything of one batch goes into one transaction. It first holds the lane (for passes) and the units, then reads them as they are
now, so that an edit that came during the pass is not overlooked, then writes the differences. The statuses in the objects' rows
follow from what is recorded.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from bascule.core import known as knowledge
from bascule.core import metrics, quotas, renewal
from bascule.core.known import Known
from bascule.core.story import Story
from bascule.model.status import CarrierState, Fault, FaultKind, Report, members_seen
from bascule.store import lanes, observed, placement, secrets, units, watches
from bascule.store.engine import Database
from bascule.store.lanes import Lease
from bascule.store.observed import Carrier, Event, SeenBy
from bascule.store.secrets import SecretUse
from bascule.store.units import LOAD_BALANCER, Rank, Unit

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pause:
    """How long to wait before the next try, in seconds: growing from `first` to `most`, with jitter."""

    first: float
    most: float

    def after(self, attempts: int) -> float:
        return float(min(self.most, self.first * 2 ** min(attempts, 30)) * random.uniform(0.8, 1.2))


@dataclass(frozen=True, slots=True)
class Timing:
    """`error_after`: seconds until a passing trouble is shown as ERROR. The pauses: after such a trouble, and after a refusal."""

    error_after: float = 600.0
    retry: Pause = Pause(1.0, 60.0)
    rejected: Pause = Pause(30.0, 600.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of one pass over one unit, which is `unit` as it stood when the pass began.

    `carriers` are all the unit has now. `settled`: every carrier that answers is as wanted, but for what `faults` name.
    Otherwise `wait` is the pause in seconds that was asked for, or None when it went wrong and is to be tried again.
    `accepted` is the definition that was carried out, as text. `uses` are the secrets that it was carried out with; None where it
    was not, so that those of before are still in use. `repaired`: others had changed what it was known to hold.
    """

    unit: Unit
    carriers: Mapping[str, Carrier]
    settled: bool
    faults: Sequence[Fault] = ()
    wait: float | None = None
    memo: Mapping[str, str] = field(default_factory=dict)
    accepted: str | None = None
    wanted: frozenset[str] = frozenset()
    uses: Sequence[SecretUse] | None = None
    repaired: bool = False

    @property
    def outcome(self) -> str:
        """In a word, as it is counted."""
        if self.settled:
            return "refused" if self.faults else "done"
        return "retry" if self.wait is None else "wait"


class Recorder:
    """Writes what was observed. `clock` gives seconds since the epoch, UTC."""

    def __init__(
        self,
        database: Database,
        timing: Timing | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._timing = timing or Timing()
        self._clock = clock

    def record(self, lease: Lease, results: Sequence[Result]) -> None:
        """Write down what came of a batch. Raises LaneLost where the lane is held by somebody else: then nothing is written."""
        self._database.write(lambda conn: self._record(conn, lease, results))
        metrics.DRIFT_REPAIRED.inc(sum(result.repaired and result.unit.kind == LOAD_BALANCER for result in results))

    def intend(self, lease: Lease, carriers: Sequence[Carrier]) -> None:
        """Write down what is about to be written to carriers of which only our record tells what they hold.

        Raises LaneLost where the lane is held by somebody else: then nothing may be written to them.
        """

        def work(conn: sa.Connection) -> None:
            lanes.hold(conn, lease)
            known = observed.carriers(conn, sorted({each.unit_id for each in carriers}))
            before = [known[each.unit_id][each.name] for each in carriers if each.name in known.get(each.unit_id, {})]
            observed.save_carriers(conn, before, carriers)

        self._database.write(work)

    def postpone(self, lease: Lease, unit: Unit) -> None:
        """Put off a unit that cannot even be read or recorded, so that it holds up nobody else; unless it was asked for since."""

        def work(conn: sa.Connection) -> None:
            lanes.hold(conn, lease)
            units.postpone(conn, unit, self._clock() + self._timing.retry.most)

        self._database.write(work)

    def report(self, reports: Sequence[Report], watch: Lease) -> int:
        """Write down what data planes report of members, listeners and themselves.

        Gives how many load balancers may not be held any more as they are on record. Raises LaneLost where somebody else watches
        the lane by now, who would not say again what it has said before: then nothing is written.
        """
        return self._database.write(lambda conn: self._report(conn, reports, watch)) if reports else 0

    def count(self, reports: Sequence[Report], watch: Lease) -> None:
        """Write down the counters that data planes report. Raises LaneLost as `report` does."""
        counted = [report for report in reports if report.alive]
        if counted:
            self._database.write(lambda conn: self._count(conn, counted, watch))

    def _record(self, conn: sa.Connection, lease: Lease, results: Sequence[Result]) -> None:
        lanes.hold(conn, lease)
        now = self._clock()
        locked = units.lock(conn, [result.unit.id for result in results])
        before = knowledge.load(conn, locked)
        after = {
            result.unit.id: knowledge.stand(
                passed(before[result.unit.id], result, now, self._timing), now, self._timing.error_after
            )
            for result in results
        }
        knowledge.save(conn, before, after, now)
        for unit_id, known in after.items():
            _log(unit_id, before[unit_id].faults, known.faults)
        _use(conn, after, results, now)
        _tell_of_repairs(conn, after, results, now)
        ready = [result.unit.id for result in results if result.settled and result.unit.kind != LOAD_BALANCER]
        units.ask_users(conn, ready, now)
        # Before shared units are let go, for that is the order in which those who create hold both.
        placement.change(conn, lease.lane_id, load_balancers=-sum(_left(before[key], known) for key, known in after.items()))
        self._let_go(conn, after, results, now)
        gone = [unit_id for unit_id, known in after.items() if known.unit.gone_at is not None]
        if gone:
            observed.forget(conn, gone)
        _give_back(conn, before, after)

    def _let_go(self, conn: sa.Connection, after: Mapping[str, Known], results: Sequence[Result], now: float) -> None:
        """Forget needs that a load balancer has no more, once it has been carried out without them."""
        dropped = [
            (result.unit.id, needed)
            for result in results
            if result.settled and after[result.unit.id].unit.generation == result.unit.generation
            for needed in after[result.unit.id].needs
            if needed not in result.wanted
        ]
        if dropped:
            units.drop_needs(conn, dropped)
            units.release_shared(conn, sorted({needed for _, needed in dropped}), now)

    def _report(self, conn: sa.Connection, reports: Sequence[Report], watch: Lease) -> int:
        watches.LEASES.hold(conn, watch)
        now = self._clock()
        locked = units.lock(conn, sorted({report.unit_id for report in reports}))
        before = knowledge.load(conn, {key: unit for key, unit in locked.items() if unit.gone_at is None})
        after = dict(before)
        for report in reports:
            known = after.get(report.unit_id)
            if known is not None and report.carrier in known.carriers:
                after[report.unit_id] = reported(known, report)
        # What came back may not hold any more what it held; nor does what has lost a listener, such as a device that took over.
        # An edit that is due already, and so goes first, does not tell: it would believe what is on record.
        doubted = {key for key, known in after.items() if _lost(known) < _lost(before[key])}
        doubted |= {report.unit_id for report in reports if report.unit_id in before and _vanished(before[report.unit_id], report)}
        for key in doubted:
            after[key] = dataclasses.replace(after[key], unit=dataclasses.replace(after[key].unit, resync=True))
        after = {key: knowledge.stand(known, now, self._timing.error_after) for key, known in after.items()}
        knowledge.save(conn, before, after, now)
        lost = [key for key, known in after.items() if _lost(known) > _lost(before[key])]
        units.ask(conn, lost, now, Rank.EDIT)
        units.ask(conn, sorted(doubted), now, Rank.DRIFT)
        _give_back(conn, before, after)
        return len(doubted)

    def _count(self, conn: sa.Connection, reports: Sequence[Report], watch: Lease) -> None:
        watches.LEASES.hold(conn, watch)
        locked = units.lock(conn, sorted({report.unit_id for report in reports}))
        there = {key for key, unit in locked.items() if unit.gone_at is None}
        said = {(each.unit_id, each.carrier): each.statistics for each in reports if each.unit_id in there}
        observed.save_statistics(conn, said)


def _use(conn: sa.Connection, after: Mapping[str, Known], results: Sequence[Result], now: float) -> None:
    """Write down which secrets load balancers are carried with, and tell their owners of new content."""
    found = {result.unit.id: result.uses for result in results if result.uses is not None}
    if not found:
        return
    before = secrets.of_units(conn, list(found))
    guilty = {object_id for unit_id in found for object_id in after[unit_id].faults}
    uses = renewal.after_pass(before, [use for some in found.values() for use in some], guilty, now)
    secrets.save(conn, before.values(), uses.values())
    events: list[Event] = []
    for use in renewal.renewed(before, uses, guilty):
        known = after[use.unit_id]
        each = known.stored.tree.get(use.object_id) if known.stored else None
        if each is not None:
            story = Story(use.unit_id, known.unit.generation, now)
            story.say(each, renewal.renewal(use, each))
            events += story.events
    observed.add_events(conn, events)


def _tell_of_repairs(conn: sa.Connection, after: Mapping[str, Known], results: Sequence[Result], now: float) -> None:
    """Tell owners what others had changed on the device."""
    events: list[Event] = []
    for result in results:
        known = after[result.unit.id]
        if result.repaired and known.stored is not None:
            story = Story(known.unit.id, known.unit.generation, now)
            story.tell(known.stored.tree.load_balancer, "was found changed on the device and was set right")
            events += story.events
    observed.add_events(conn, events)


def _give_back(conn: sa.Connection, before: Mapping[str, Known], after: Mapping[str, Known]) -> None:
    quotas.give_back(conn, [(before[key].stored, known.stored) for key, known in after.items()])


def _left(before: Known, after: Known) -> bool:
    """Whether a load balancer has left its lane now."""
    return after.unit.kind == LOAD_BALANCER and before.unit.gone_at is None and after.unit.gone_at is not None


def _lost(known: Known) -> int:
    return sum(carrier.state is CarrierState.LOST for carrier in known.carriers.values())


def _vanished(known: Known, report: Report) -> bool:
    """Whether a carrier had a listener that is still wanted, and has it no more."""
    said = known.said.get(report.carrier)
    if said is None or known.stored is None or not report.alive:
        return False
    return any(each.id in said.listeners and each.id not in report.listeners for each in known.stored.tree.listeners)


def reported(known: Known, report: Report) -> Known:
    """What is known after a carrier's report.

    A carrier that was serving and does not answer is lost; the next pass sees to it. One that answers again serves, if it missed
    nothing in between.
    """
    members = members_seen(report, known.stored.tree) if known.stored else report.members
    said = dict(known.said) | {report.carrier: SeenBy(report.listeners, members)}
    carriers = dict(known.carriers)
    carrier = carriers[report.carrier]
    if not report.alive and carrier.state is CarrierState.SERVING:
        carriers[report.carrier] = dataclasses.replace(carrier, state=CarrierState.LOST)
    elif report.alive and carrier.state is CarrierState.LOST and carrier.observed >= known.unit.observed:
        carriers[report.carrier] = dataclasses.replace(carrier, state=CarrierState.SERVING)
    return dataclasses.replace(known, said=said, carriers=carriers)


def passed(known: Known, result: Result, now: float, timing: Timing) -> Known:
    """What is known after a pass. `known` is how things stand now, which may be later than what the pass began with."""
    faults = _faults(known.faults, result, now)
    serving = [each.observed for each in result.carriers.values() if each.state is CarrierState.SERVING]
    gone = result.settled and not result.carriers and result.unit.deleted is not None
    generation = result.unit.generation if gone else min(serving, default=known.unit.observed)
    still = known.unit.generation == result.unit.generation
    nobody_asked = known.unit.asked == result.unit.asked
    behind = None if generation >= known.unit.generation else known.unit.behind_since or now
    unit = dataclasses.replace(
        known.unit,
        observed=generation,
        behind_since=behind,
        gone_at=now if gone and still else None,
        memo=json.dumps(dict(result.memo)) if result.memo else None,
        accepted=result.accepted or known.unit.accepted,
        # What is gone is never compared again: housekeeping would have to pass over it in every round.
        checked_at=None if gone and still else now if result.settled else known.unit.checked_at,
        resync=known.unit.resync and not (result.settled and nobody_asked),
    )
    if nobody_asked:
        unit = _paused(unit, result, faults, now, timing)
    said = {name: each for name, each in known.said.items() if name in result.carriers}
    return dataclasses.replace(known, unit=unit, carriers=result.carriers, faults=faults, said=said)


def _faults(old: Mapping[str, Fault], result: Result, now: float) -> dict[str, Fault]:
    """The faults after a pass. One that goes on keeps the time at which it began.

    Only a pass that came to an end clears faults. One that did not says nothing new about what was refused at the same generation.
    """
    faults = {} if result.settled else dict(old)
    for fault in result.faults:
        was = old.get(fault.object_id)
        refused = was is not None and was.kind is FaultKind.REJECTED and was.generation >= fault.generation
        if refused and fault.kind is FaultKind.TRANSIENT:
            continue
        since = was.since if was is not None and was.kind is fault.kind else now
        faults[fault.object_id] = dataclasses.replace(fault, since=since)
    return faults


def _paused(unit: Unit, result: Result, faults: Mapping[str, Fault], now: float, timing: Timing) -> Unit:
    """When the unit is due again, if at all."""
    if result.wait is not None:
        return dataclasses.replace(unit, due_at=now + result.wait, rank=Rank.WAIT)
    lost = any(carrier.state in (CarrierState.LOST, CarrierState.RETIRING) for carrier in result.carriers.values())
    if result.settled and not faults and not lost:
        return dataclasses.replace(unit, due_at=None, rank=Rank.IDLE, attempts=0)
    refused = bool(faults) and all(fault.kind is FaultKind.REJECTED for fault in faults.values())
    pause = (timing.rejected if refused and not lost else timing.retry).after(unit.attempts)
    for fault in faults.values():
        if fault.kind is FaultKind.TRANSIENT and not fault.shown(now, timing.error_after):
            pause = min(pause, fault.since + timing.error_after - now)
    return dataclasses.replace(unit, due_at=now + pause, rank=Rank.ALONE, attempts=unit.attempts + 1)


def _log(unit_id: str, before: Mapping[str, Fault], after: Mapping[str, Fault]) -> None:
    """Tell operators of faults that are new, in the data plane's own words."""
    for object_id, fault in after.items():
        was = before.get(object_id)
        if was is None or (was.user_text, was.operator_text) != (fault.user_text, fault.operator_text):
            words = " | ".join((fault.operator_text or "nothing more is known").splitlines())
            LOG.warning("%s: %s %s: %s (%s)", unit_id, fault.object_kind, object_id, fault.user_text, words)
