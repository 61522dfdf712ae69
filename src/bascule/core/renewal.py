"""Certificates that change in their store, or come to their end, while nobody edits the load balancer that uses them.

The recorder writes down what every pass found. Housekeeping looks again at what nobody has looked at for a while: where there is
something else now, the load balancer is due; where an end is near, its owner is warned, once for each step.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime

import sqlalchemy as sa

from bascule.core.certificates import WORDS, CertificateLibrary, Unreadable
from bascule.core.story import Story, describe
from bascule.model.objects import Object
from bascule.model.secrets import SecretKind
from bascule.store import observed, secrets, trees, units
from bascule.store.engine import Database
from bascule.store.observed import Event
from bascule.store.secrets import Key, SecretUse
from bascule.store.units import Rank

_DAY = 86400.0
_STEPS = {
    SecretKind.CERTIFICATE: (0, 1, 7, 30),
    SecretKind.CA: (0, 1, 7, 30),
    SecretKind.CRL: (0, 1),  # They are issued anew every few days.
}
"""How many days before the end the owner is warned."""

_PARTS = {SecretKind.CERTIFICATE: "intermediate certificate", SecretKind.CA: "authority"}


def due_step(use: SecretUse, now: float) -> int | None:
    """The step at which the owner of a load balancer is to be warned now; None if there is nothing new to be told."""
    if use.ends_at is None:
        return None
    step = next((days for days in _STEPS[use.kind] if use.ends_at - now <= days * _DAY), None)
    return step if step is not None and (use.warned is None or step < use.warned) else None


def warning(use: SecretUse, each: Object, now: float) -> str:
    """What the owner of a load balancer is told of a use whose end is near, or past."""
    ends_at = use.ends_at or 0.0
    end, today = (datetime.fromtimestamp(at, UTC) for at in (ends_at, now))
    days = (end.date() - today.date()).days
    if ends_at <= now:
        return f"{_subject(use, each)} expired on {end:%Y-%m-%d} at {end:%H:%M} UTC."
    when = f"in {days} days" if days > 1 else f"{'tomorrow' if days else 'today'} at {end:%H:%M} UTC"
    return f"{_subject(use, each)} expires on {end:%Y-%m-%d}, {when}."


def _subject(use: SecretUse, each: Object) -> str:
    if use.part is None:
        return f"The {WORDS[use.kind]} {use.ref} of the {describe(each)}"
    return f'The {_PARTS[use.kind]} "{use.part}" in {use.ref} of the {describe(each)}'


def after_pass(
    before: Mapping[Key, SecretUse], found: Iterable[SecretUse], guilty: Collection[str], now: float
) -> dict[Key, SecretUse]:
    """The uses to be written down after a pass. `guilty` are the ids of the objects that are not as wanted.

    What those end with is still the earlier content, and warnings stand as long as the same thing ends at the same time.
    """
    after = {}
    for use in found:
        was = before.get(use.key)
        if was is None:
            after[use.key] = dataclasses.replace(use, looked_at=now)
            continue
        end = was if use.object_id in guilty and was.ends_at is not None else use
        same = (end.ends_at, end.part) == (was.ends_at, was.part)
        after[use.key] = dataclasses.replace(
            use, ends_at=end.ends_at, part=end.part, warned=was.warned if same else None, looked_at=was.looked_at
        )
    return after


def renewed(before: Mapping[Key, SecretUse], after: Mapping[Key, SecretUse], guilty: Collection[str]) -> list[SecretUse]:
    """The uses that stand for something else than before, and are carried out."""
    return [
        use
        for key, use in after.items()
        if (was := before.get(key)) and None not in (was.digest, use.digest) and was.digest != use.digest
        if use.object_id not in guilty
    ]


def renewal(use: SecretUse, each: Object) -> str:
    """What the owner of a load balancer is told of new content."""
    until = f" It expires on {datetime.fromtimestamp(use.ends_at, UTC):%Y-%m-%d}." if use.ends_at and use.part is None else ""
    return f"The {WORDS[use.kind]} {use.ref} of the {describe(each)} has new content, which is used from now on.{until}"


class Renewals:
    """Looks at secrets in use. `every` is in seconds: what was looked at less long ago is passed over. `at_once` is how many are
    looked at together. Any number may look at the same time."""

    def __init__(
        self,
        database: Database,
        certificates: CertificateLibrary,
        *,
        every: float,
        at_once: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._certificates = certificates
        self._every = every
        self._at_once = at_once
        self._clock = clock

    def look(self) -> bool:
        """Look at those that were looked at longest ago. Tells whether there may be more to look at."""
        now = self._clock()
        with self._database.read() as conn:
            uses = secrets.longest_ago(conn, now - self._every, self._at_once)
        if uses:
            there = self._there(uses.values())
            self._database.write(lambda conn: _note(conn, uses, there, now))
        return len(uses) == self._at_once

    def _there(self, uses: Iterable[SecretUse]) -> dict[tuple[str, str], str]:
        """The digests of what is in the store, by project and reference. What cannot be read now is left out: it is no reason to
        touch anything that serves."""
        found = {}
        for project_id, ref in dict.fromkeys((use.project_id, use.ref) for use in uses):
            try:
                found[project_id, ref] = self._certificates.ref(project_id, ref, fresh=True).sha256
            except Unreadable:
                continue
        return found


def _note(conn: sa.Connection, uses: Mapping[Key, SecretUse], there: Mapping[tuple[str, str], str], now: float) -> None:
    """Make due what stands for something else now, warn of ends, and write down that these uses were looked at.

    Whoever else may do this, or record a pass, holds the units at that: what is read of their uses here stays true.
    """
    touched = sorted({use.unit_id for use in uses.values() if _changed(use, there) or due_step(use, now) is not None})
    if touched:
        wanted = {key: unit for key, unit in units.lock(conn, touched).items() if unit.deleted is None}
        present = {key: use for key, use in secrets.of_units(conn, list(wanted)).items() if key in uses}
        units.ask(conn, sorted({use.unit_id for use in present.values() if _changed(use, there)}), now, Rank.EDIT)
        _warn(conn, wanted, [use for use in present.values() if due_step(use, now) is not None], now)
    secrets.looked(conn, uses, now)


def _changed(use: SecretUse, there: Mapping[tuple[str, str], str]) -> bool:
    return there.get((use.project_id, use.ref), use.digest) != use.digest


def _warn(conn: sa.Connection, wanted: Mapping[str, units.Unit], ending: Sequence[SecretUse], now: float) -> None:
    if not ending:
        return
    ids = sorted({use.unit_id for use in ending})
    stored = trees.load(conn, ids)
    events: list[Event] = []
    for use in ending:
        each = stored[use.unit_id].tree.get(use.object_id)
        if each is not None:
            story = Story(use.unit_id, wanted[use.unit_id].generation, now)
            story.say(each, warning(use, each, now))
            events += story.events
    observed.add_events(conn, events)
    observed.trim_events(conn, ids)
    secrets.save(conn, ending, [dataclasses.replace(use, warned=due_step(use, now)) for use in ending])
