"""One write: checked, locked, applied tenant by tenant, stored and saved, and answered."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from bigip_emulator.addresses import NoAddress
from bigip_emulator.as3 import deploy
from bigip_emulator.as3.checks import Checked, check
from bigip_emulator.as3.records import Records, lock_key
from bigip_emulator.as3.shape import Invalid
from bigip_emulator.as3.structure import ADC, TENANT, Declaration, tenants_of
from bigip_emulator.as3.view import answered
from bigip_emulator.as3.writer import BUSY, Busy, Writer
from bigip_emulator.clock import stamp
from bigip_emulator.device import Device
from bigip_emulator.objects import DeviceError

POLLS = 60
POLL = 0.5
"""AS3 waits for its script for 60 polls of half a second."""
_MASKED = "http://admin:XXXXXX@localhost:8100/mgmt/tm/"
_STALE = (
    "The hash you submitted does not match the hash on the current Tenant. This usually indicates there was a change to the "
    "Tenant since you pulled this hash. You will want to do a GET and see what the changes are."
)

Body = dict[str, Any]
Answer = tuple[int, Body]


@dataclass
class Write:
    """What is asked for: an ADC, and how it is to be carried out. `only` names the tenants of the URL."""

    declaration: Declaration
    only: list[str] | None = None
    persist: bool = True
    history: int = 4
    dry_run: bool = False
    traces: bool = False
    sync_to: str = ""
    """The device group that the configuration goes to afterwards."""
    application: bool = False
    """Whether the answer shows the applications of the one tenant."""
    query: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.only is not None:
            kept = {name: value for name, value in self.declaration.items() if name in ADC or name in self.only}
            self.declaration = kept
        self.declaration = {"id": f"autogen_{uuid.uuid4()}", "updateMode": "selective", **self.declaration}

    @property
    def id(self) -> str:
        return str(self.declaration["id"])

    def dry(self) -> bool:
        """A dry run of one tenant is one of all."""
        parts = [self.declaration, *(self.declaration[name] for name in tenants_of(self.declaration))]
        return self.dry_run or any(_control(part, "dryRun") for part in parts)


def _control(part: Declaration, name: str) -> bool:
    controls = part.get("controls")
    return isinstance(controls, dict) and controls.get(name) is True


class Restarted(Exception):
    """The device went away in the middle."""


class Operation:
    """The carrying out of one write, in a thread of its own."""

    def __init__(self, device: Device, records: Records, writer: Writer, write: Write, sync: Callable[[], object]) -> None:
        self._device = device
        self._records = records
        self._writer = writer
        self._write = write
        self._sync = sync
        self._boot = device.boots
        self._traces: Body = {}

    def run(self) -> Answer:
        """Do it all. Raises Full when the queue has no room, Restarted when the device went away meanwhile."""
        write = self._write
        try:
            with self._device.lock:
                checked = check(write.declaration, self._records.current() or {}, self._device.store)
        except Invalid as problem:
            return self._refused(problem)
        with self._device.lock:
            burst = bool(self._records.settings()["burstHandlingEnabled"])
        try:
            if not self._writer.enter(self, burst):
                raise Restarted
        except Busy:
            return 503, {"code": 503, "message": BUSY, **self._named(tenants_of(write.declaration))}
        try:
            self._alive()
            return self._deploy(checked)
        finally:
            self._writer.leave(self)

    def _alive(self) -> None:
        if self._device.boots != self._boot:
            raise Restarted

    def _named(self, tenants: list[str]) -> Body:
        named: Body = {"host": "localhost"}
        if tenants:
            named["tenant"] = tenants
        return {**named, "declarationId": self._write.id}

    def _refused(self, problem: Invalid) -> Answer:
        if not problem.named:
            return problem.status, {"code": problem.status, "message": problem.text}
        tenants = tenants_of(self._write.declaration)
        guilty = [problem.tenant] if problem.tenant else tenants if len(tenants) == 1 else []
        if problem.where:
            body = {"code": problem.status, "errors": [str(problem)], "message": "declaration is invalid"}
        else:
            body = {"code": problem.status, "message": problem.text}
        return problem.status, {**body, **self._named(guilty)}

    # Tenant by tenant

    def _deploy(self, checked: Checked) -> Answer:
        if self._device.faults.of_write("device-read-failure"):
            text = f"GET {_MASKED}ltm/node?options=recursive query target BIG-IP current ltm node list response=500 body={{}}"
            return 500, {"code": 500, "message": text, **self._named(tenants_of(self._write.declaration))}
        with self._device.lock:
            stored = self._records.current() or {}
        results: list[Body] = []
        refused: set[str] = set()
        for tenant, removing in self._order(checked, stored):
            result = self._tenant(tenant, checked.tenants.get(tenant), stored, removing)
            results.append(result)
            if result["code"] != 200:
                refused.add(tenant)
            self._alive()
        return self._finish(results, refused, stored)

    def _order(self, checked: Checked, stored: Declaration) -> Iterator[tuple[str, bool]]:
        names = list(checked.tenants)
        if self._write.declaration["updateMode"] == "complete":
            names += [name for name in tenants_of(stored) if name not in names]
        common = "Common" in names
        if common:
            yield "Common", False
        yield from ((name, True) for name in names if name != "Common")
        if common:
            yield "Common", True

    def _tenant(self, tenant: str, declared: Declaration | None, stored: Declaration, removing: bool) -> Body:
        started = time.monotonic()
        faults = self._device.faults
        base: Body = {"host": "localhost", "tenant": tenant}
        key = (declared or {}).get("optimisticLockKey")
        if key and not self._write.application and tenant in stored and key != lock_key(stored[tenant]):
            return {"message": _STALE, **base, "code": 422, "declarationId": self._write.id}
        if faults.of_write("read-failure", tenant):
            text = (
                f"failure querying config for tenant {tenant} (GET {_MASKED}ltm/virtual?$filter=partition%20eq%20'{tenant}'"
                "&expandSubcollections=true getting BIG-IP config response=500 body={})"
            )
            return {"message": text, **base, "code": 400, "declarationId": self._write.id}
        if fault := faults.of_write("slow", tenant):
            faults.hold(fault, fault.seconds)
        self._device.clock.sleep(self._device.settings.apply)
        self._alive()
        made, outcome = self._apply(tenant, declared, removing)
        spent = int((time.monotonic() - started) * self._device.clock.speed * 1000) + 1
        dry: Body = {"dryRun": True} if self._write.dry() else {}
        if outcome is None:
            lines: Body = {} if made.empty else {"lineCount": made.lines}
            message = "no change" if made.empty else "success"
            return {"code": 200, "message": message, **dry, **lines, **base, "runTime": spent, "declarationId": self._write.id}
        code, text = outcome
        failed = {"code": code, "message": "declaration failed", "response": text}
        return {**failed, **base, "runTime": spent, "declarationId": self._write.id}

    def _apply(self, tenant: str, declared: Declaration | None, removing: bool) -> tuple[deploy.Plan, tuple[int, str] | None]:
        with self._device.lock:
            try:
                made = deploy.plan(self._device.store, tenant, declared, removing)
            except NoAddress:
                return deploy.nothing(tenant), (422, "01070712:3: A value for an address is not valid, it is empty.")
            if self._write.traces:
                self._traces |= deploy.traces(made)
            if made.empty or self._write.dry():
                return made, None
        if fault := self._device.faults.of_write("refuse", tenant):
            return made, (422, fault.text or "01070734:3: Configuration error: refused by the fault switchboard")
        if self._device.faults.of_write("failed-script", tenant):
            return made, (422, "TMSH CLI script failed during execution")
        if fault := self._device.faults.of_write("late-script", tenant):
            self._late(made, fault.seconds)
            return made, (422, "TMSH CLI script taking longer than expected")
        return made, self._written(made)

    def _written(self, made: deploy.Plan) -> tuple[int, str] | None:
        with self._device.lock:
            self._alive()
            try:
                deploy.apply(self._device, made)
            except DeviceError as problem:
                return 422, problem.text
            except deploy.ScriptError as problem:
                return 400, str(problem)
        return None

    def _late(self, made: deploy.Plan, seconds: float) -> None:
        """AS3 gives up waiting; the script still finishes, some seconds after that."""
        clock, started = self._device.clock, self._device.clock.now()

        def finish() -> None:
            clock.sleep(started + POLLS * POLL + (seconds or 20.0) - clock.now())
            with self._device.lock:
                # What it was written for is there no more when somebody has written meanwhile: then it fails as a whole.
                if deploy.fits(self._device.store, made) and self._device.boots == self._boot:
                    self._written(made)

        threading.Thread(target=finish, name="late script", daemon=True).start()
        clock.sleep(POLLS * POLL)

    # What comes of it

    def _finish(self, results: list[Body], refused: set[str], stored: Declaration) -> Answer:
        write = self._write
        new = self._next(stored, refused)
        status = 200
        if refused:
            status = 207 if any(result["code"] == 200 for result in results) else 422
        if status != 422 and not write.dry():
            problem = self._store(new)
            if problem:
                return 500, problem
            if write.persist:
                self._device.save()
            if write.sync_to:
                # Nobody waits for it, and nobody is told how it went.
                threading.Thread(target=self._sync, name="sync to group", daemon=True).start()
        shown = self._shown(new if status != 422 else {**stored, **_header(write.declaration, self._device.clock.now())})
        body: Body = {"results": results or [{"message": "no change", "host": "localhost", "code": 200}]}
        if write.dry():
            body["dryRun"] = True
        body["declaration"] = shown
        if self._traces:
            body["traces"] = self._traces
        if status != 200:
            body["code"] = status
        return status, body

    def _next(self, stored: Declaration, refused: set[str]) -> Declaration:
        """What is declared from now on: refused tenants stay as they were accepted last."""
        write = self._write.declaration
        wanted = tenants_of(write)
        kept = {
            name: stored[name]
            for name in tenants_of(stored)
            if name in refused or (name not in wanted and write["updateMode"] != "complete")
        }
        new = {}
        for name in wanted:
            if name not in refused and write[name].keys() - TENANT.keys():
                new[name] = {key: value for key, value in write[name].items() if key not in ("optimisticLockKey", "controls")}
        return {**kept, **new, **_header(write, self._device.clock.now())}

    def _store(self, new: Declaration) -> Body | None:
        text = ""
        with self._device.lock:
            self._alive()
            try:
                if self._device.faults.of_write("store-failure"):
                    raise DeviceError("0107000a:3: the emulator was told to fail here")
                self._records.keep(new, tenants_of(new), self._write.history)
            except DeviceError as problem:
                text = (
                    f"POST {_MASKED}ltm/data-group/internal store a declaration response=400 "
                    f'body={{"code":400,"message":"{problem.text}","errorStack":[],"apiError":3}}'
                )
        if not text:
            return None
        named = {"host": "localhost", "declarationFullId": self._write.id, "declarationId": self._write.id}
        return {"code": 500, "message": text, **named}

    def _shown(self, declaration: Declaration) -> Declaration:
        only = tenants_of(self._write.declaration) if self._write.declaration["updateMode"] != "complete" else None
        return answered(declaration, only, self._write.query, application=self._write.application)


def _header(declaration: Declaration, now: float) -> Declaration:
    """What a declaration says of itself, as it is stored."""
    header = {name: value for name, value in declaration.items() if name in ADC and name != "controls"}
    return {**header, "controls": {"archiveTimestamp": stamp(now)}}
