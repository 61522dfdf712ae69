"""Sends declarations to a device group: in bounded batches, with one outcome for each tenant in them.

One request is checked as a whole and carried out tenant by tenant. So who is to blame for a refused request is left out, the rest
is sent again, and what a tenant gets says nothing about the others. Every declaration of a tenant bears the lock key that was read
just before. For a tenant that is not there, and for one that was never sent and is not asked for, it is a key that fits none: AS3
does not look at it then, but should the tenant be there, the key does not fit, and what somebody else wrote stays.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bascule.clients.bigip import AS3, DeviceError, DeviceGroup
from bascule.clients.bigip.as3 import Stored
from bascule.clients.bigip.replies import Occupied, Rejection, Reply, Result, Task, Verdict
from bascule.model.backend import Done, Fence, Fenced, Outcome, Rejected, Retry, Secrets, Target, Wait
from bascule.model.documents import digest
from bascule.south import marks
from bascule.south.as3 import outcomes, stamps
from bascule.south.as3.saving import Saver
from bascule.south.as3.secrets import filled
from bascule.south.marks import Mark

SCHEMA = "3.50.0"
"""The oldest version of the language that has all that is declared."""

FIRST_SIZE = 50
_MOST = 200
_LONG, _SHORT = 15.0, 5.0
"""A request that took longer than this, in seconds, makes the next ones smaller; a full one that was quicker makes them larger."""

_TRIES = 2
"""How often something is sent in one pass while it is not known what came of it."""

_LOOK = 2.0
"""Seconds until a task is looked at again, and until a busy device is tried again."""

_PATIENCE = 300.0
"""After so many seconds a device that is busy all the time counts as one in trouble."""

_NO_KEY = "none"


@dataclass(frozen=True, slots=True)
class Wish:
    """What one tenant should be: its declaration as text, None to remove it. `there`: it may be there, so it is asked for."""

    target: Target
    tenant: str
    load_balancer_id: str
    generation: int
    text: str | None
    memo: str | None
    there: bool = True

    def memo_of(self, task: str) -> str:
        """A task that is about this wish, and what it is about: by the next look something else may be wanted."""
        return f"{task} {digest(self.text or '')[:16]}"

    @property
    def task(self) -> str | None:
        return self.memo.partition(" ")[0] if self.memo else None


@dataclass(frozen=True, slots=True)
class _Part:
    """What goes into one request."""

    wishes: Sequence[Wish]
    tries: int = 0


class Poster:
    """Sends to one device group. One thread at a time may use it. `clock` is monotonic."""

    def __init__(
        self, group: DeviceGroup, saver: Saver, *, sync_group: str = "", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._group = group
        self._saver = saver
        self._sync_group = sync_group
        self._clock = clock
        self._size = FIRST_SIZE
        self._busy_since: float | None = None

    def post(self, fence: Fence, wishes: Sequence[Wish], secrets: Secrets) -> dict[Target, Outcome]:
        """Bring every tenant to what is wished. Raises Fenced."""
        run = _Run(fence, secrets)
        try:
            left = self._resume(run, wishes)
        except DeviceError as problem:
            return {wish.target: outcomes.of_problem(problem) for wish in wishes}
        parts = deque(_Part(left[start : start + self._size]) for start in range(0, len(left), self._size))
        while parts and run.stop is None:
            parts.extendleft(reversed([part for part in self._try(run, parts.popleft()) if part.wishes]))
        if run.stop is not None:
            run.all((wish for part in parts for wish in part.wishes), run.stop)
        return run.outcomes

    def _resume(self, run: _Run, wishes: Sequence[Wish]) -> list[Wish]:
        """Look at the tasks that were begun earlier. Gives what is still to be sent."""
        tasks = {wish.task for wish in wishes if wish.task}
        if not tasks:
            return list(wishes)
        as3 = AS3(self._group.active())
        replies = {task: as3.task(task) for task in tasks}
        left = [wish for wish in wishes if not (wish.task and self._resumed(run, wish, replies[wish.task]))]
        running = {task for task, reply in replies.items() if isinstance(reply, Task)}
        if not running:
            self._busy_since = None
            return left
        outcome = self._occupied(f"under way: {', '.join(sorted(running))}", "The device has been working on changes for long.")
        if isinstance(outcome, Retry):  # not even a task that never ends may hold up everything; sending again tells
            left += [wish for wish in wishes if wish.task in running]
        run.all(left, outcome)
        return []

    def _resumed(self, run: _Run, wish: Wish, reply: Reply) -> bool:
        """Whether a task has told what came of a wish, or will. It may have been about something that is wanted no more."""
        if isinstance(reply, Task):
            run.outcomes[wish.target] = _under_way(wish.memo)  # which tells what it is about, whatever is wanted by now
            return True
        if wish.task is None or wish.memo != wish.memo_of(wish.task) or not isinstance(reply, Result):
            return False
        for result in reply.tenants:
            if result.tenant == wish.tenant and result.verdict in (Verdict.DONE, Verdict.REFUSED):
                run.outcomes[wish.target] = outcomes.of_tenant(result, wish.text)
                self._saver.changed()
                return True
        return False

    def _try(self, run: _Run, part: _Part) -> list[_Part]:
        """Send one request, and note what came of it. Gives what is to be sent after it."""
        part = _Part(part.wishes, part.tries + 1)
        try:
            as3 = AS3(self._group.active())
        except DeviceError as problem:  # no device of the group can do it
            run.stop = outcomes.of_problem(problem)
            run.all(part.wishes, run.stop)
            return []
        try:
            wishes = run.ours(part.wishes, as3.declared([wish.tenant for wish in part.wishes if wish.there]))
            declaration = run.declaration(wishes)
            wishes = [wish for wish in wishes if wish.tenant in declaration]
            if not wishes:
                return []
            part = _Part(wishes, part.tries)
            began = self._clock()
            reply = as3.declare(self._wrapper(run.fence, declaration))
        except DeviceError as problem:
            return self._again(run, part, outcomes.of_problem(problem))
        self._measure(len(wishes), self._clock() - began, reply)
        return self._sorted(run, part, reply)

    def _sorted(self, run: _Run, part: _Part, reply: Reply) -> list[_Part]:
        if not isinstance(reply, Occupied):
            self._busy_since = None
            self._saver.changed()
        match reply:
            case Result():
                return self._of_result(run, part, reply)
            case Rejection():
                return _of_rejection(run, part, reply)
            case Task():
                run.outcomes |= {wish.target: _under_way(wish.memo_of(reply.id)) for wish in part.wishes}
                run.stop = Wait(_LOOK, "The device is working on other changes.")
                return []
            case Occupied():
                run.stop = self._occupied(reply.text)
                run.all(part.wishes, run.stop)
                return []
        return self._again(run, part, Retry(outcomes.UNKNOWN, reply.text))

    def _of_result(self, run: _Run, part: _Part, reply: Result) -> list[_Part]:
        results = {result.tenant: result for result in reply.tenants}
        stale: list[Wish] = []
        for wish in part.wishes:
            result = results.get(wish.tenant)
            if result is None:
                run.outcomes[wish.target] = Retry(outcomes.UNKNOWN, "the answer does not name the tenant")
            elif result.verdict is Verdict.STALE:
                stale.append(wish)
            elif result.verdict is Verdict.OCCUPIED:
                run.outcomes[wish.target] = self._occupied(result.text)
            else:
                run.outcomes[wish.target] = outcomes.of_tenant(result, wish.text)
        return self._again(run, _Part(stale, part.tries), Retry(outcomes.TROUBLED, "somebody else writes this tenant as well"))

    def _again(self, run: _Run, part: _Part, otherwise: Outcome) -> list[_Part]:
        """Once more, or else the outcome. Where another device has become active, it is that one's turn."""
        if part.tries < _TRIES and part.wishes:
            return [_Part([replace(wish, there=True) for wish in part.wishes], part.tries)]
        run.all(part.wishes, otherwise)
        return []

    def _occupied(self, text: str, reason: str = "The device has been busy with other changes for long.") -> Wait | Retry:
        """What comes of what is not sent, because something else is under way. `text` tells operators what, `reason` users."""
        now = self._clock()
        self._busy_since = now if self._busy_since is None else self._busy_since
        if now - self._busy_since > _PATIENCE:
            return Retry(reason, text)
        return Wait(_LOOK, "The device is busy with other changes.")

    def _measure(self, count: int, seconds: float, reply: Reply) -> None:
        """The cost of a request grows faster than what is in it."""
        if isinstance(reply, Task) or seconds > _LONG:
            self._size = max(1, count // 2)
        elif isinstance(reply, Result) and seconds < _SHORT and count >= self._size:
            self._size = min(_MOST, self._size * 2)

    def _wrapper(self, fence: Fence, declaration: Mapping[str, Any]) -> dict[str, Any]:
        body: dict[str, Any] = {
            "class": "AS3",
            "action": "deploy",
            "persist": False,
            "declaration": {
                "class": "ADC",
                "schemaVersion": SCHEMA,
                "id": f"bascule-e{fence.epoch}-f{fence.number}",
                "updateMode": "selective",
                **declaration,
            },
        }
        return body | ({"syncToGroup": self._sync_group} if self._sync_group else {})


class _Run:
    """One call: whose it is, and what has come of it so far. `stop` is what the rest gets where nothing more can be sent."""

    def __init__(self, fence: Fence, secrets: Secrets) -> None:
        self.fence = fence
        self.outcomes: dict[Target, Outcome] = {}
        self.stop: Outcome | None = None
        self._secrets = secrets
        self._stored: dict[str, Stored] = {}

    def all(self, wishes: Iterable[Wish], outcome: Outcome) -> None:
        self.outcomes |= {wish.target: outcome for wish in wishes}

    def ours(self, wishes: Sequence[Wish], stored: Mapping[str, Stored]) -> list[Wish]:
        """Those whose tenants are ours, or not there. Raises Fenced where a newer owner has written one."""
        self._stored |= stored
        found: list[Wish] = []
        for wish in wishes:
            there = stored.get(wish.tenant)
            if there is None:
                self._stored.pop(wish.tenant, None)
            elif there.label != str(self.mark(wish)):
                self.outcomes[wish.target] = self._foreign(wish, there.label)
                continue
            elif (writer := stamps.writer_of(there.remark)) is not None and writer > self.fence:
                raise Fenced(f"tenant {wish.tenant} was written by {writer}, later than {self.fence}")
            found.append(wish)
        return found

    def mark(self, wish: Wish) -> Mark:
        """What says of the tenant of a wish that it is ours."""
        return Mark(self.fence.installation, wish.load_balancer_id)

    def _foreign(self, wish: Wish, label: str) -> Outcome:
        """What comes of a tenant that bears another mark, or none: it stays as it is."""
        bears = marks.read(label)
        if bears is None or bears.of != wish.load_balancer_id:
            text = "On the device, something that is not of this service has the name."
            return Rejected(text, (), f"the tenant {wish.tenant} has the label {label!r}")
        if wish.text is None:
            return Done()  # what we had there is gone: this is somebody else's
        words = f"the tenant {wish.tenant} belongs to the installation {bears.installation}, and this is {self.fence.installation}"
        return Rejected("On the device, this load balancer belongs to another installation of the service.", (), words)

    def declaration(self, wishes: Sequence[Wish]) -> dict[str, Any]:
        """The tenants, with secrets. Those are left out whose secrets cannot be had."""
        found: dict[str, Any] = {}
        for wish in wishes:
            there = self._stored.get(wish.tenant)
            try:
                body = filled(wish.text, self._secrets) if wish.text is not None else {"class": "Tenant"}
            except KeyError as error:
                self.outcomes[wish.target] = Retry("A certificate cannot be read now.", str(error))
                continue
            body["optimisticLockKey"] = there.lock_key if there else _NO_KEY
            if wish.text is not None:
                body["label"] = str(self.mark(wish))
                body["remark"] = stamps.stamp(self.fence, wish.generation)
            found[wish.tenant] = body
        return found


def _under_way(memo: str | None) -> Wait:
    return Wait(_LOOK, "The device is working on it.", memo)


def _of_rejection(run: _Run, part: _Part, reply: Rejection) -> list[_Part]:
    """Who is blamed gets it, and the rest goes without them. Where nobody is, halves find out."""
    guilty = [wish for wish in part.wishes if wish.tenant in reply.tenants] if reply.code == 422 else list(part.wishes)
    if not guilty and len(part.wishes) > 1:
        middle = len(part.wishes) // 2
        return [_Part(part.wishes[:middle]), _Part(part.wishes[middle:])]
    run.all(guilty or part.wishes, outcomes.of_rejection(reply))
    return [_Part([wish for wish in part.wishes if guilty and wish not in guilty])]
