"""The tasks of AS3: every write is one, whether somebody waits for it or not."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable

from bigip_emulator.as3.operation import Answer, Body, Operation, Restarted, Write
from bigip_emulator.as3.records import Records
from bigip_emulator.as3.writer import Full, Writer
from bigip_emulator.device import Device

BASE = "/mgmt/shared/appsvcs"


class Task:
    """An operation on its way, alone or as part of an array."""

    def __init__(self) -> None:
        self.id = str(uuid.uuid4())
        self.done = threading.Event()
        self.answer: Answer = (0, {})


class Tasks:
    """The tasks of one device. `sync` sends the configuration to the others of the group."""

    def __init__(self, device: Device, records: Records, writer: Writer, sync: Callable[[], object]) -> None:
        self._device = device
        self._records = records
        self._writer = writer
        self._sync = sync
        self._lock = threading.Lock()
        self._running: dict[str, Task] = {}
        device.on_boot.append(self._cancel)

    def start(self, asked: Write) -> Task:
        task = Task()
        with self._lock:
            self._running[task.id] = task
        threading.Thread(target=self._run, args=(task, asked), name="operation", daemon=True).start()
        return task

    def _run(self, task: Task, asked: Write) -> None:
        operation = Operation(self._device, self._records, self._writer, asked, self._sync)
        try:
            task.answer = operation.run()
            self._finished(task, _task_body(task))
        except (Full, Restarted):
            task.answer = (0, {})
            self._finished(task, _message(task.id, "task cancelled"))
        except Exception as problem:
            task.answer = (500, {"code": 500, "message": str(problem)})
            self._finished(task, _task_body(task))
            raise
        finally:
            task.done.set()

    def _finished(self, task: Task, body: Body) -> None:
        with self._lock:
            ours = self._running.pop(task.id, None)
        if ours is not None:
            with self._device.lock:
                self._records.finished(body)

    def _cancel(self) -> None:
        """A restart ends every task on its way."""
        with self._lock:
            tasks, self._running = list(self._running.values()), {}
        self._writer.forget()
        for task in tasks:
            self._records.finished(_message(task.id, "task cancelled"))

    def all(self) -> list[Body]:
        """All that are known, newest first."""
        with self._lock:
            running = [_message(task, "in progress") for task in reversed(self._running)]
        with self._device.lock:
            return [*running, *(task["body"] for task in self._records.tasks())]


def _message(number: str, text: str) -> Body:
    """A task in its own form. What has become of it stands in the results."""
    results = [{"message": text, "tenant": "", "host": "", "runTime": 0, "code": 0}]
    return {"id": number, "results": results, "declaration": {}, "selfLink": f"https://localhost{BASE}/task/{number}"}


def submitted(number: str, declaration: str) -> Body:
    """What a client gets that does not wait for its task."""
    body = _message(number, "Declaration successfully submitted")
    body["results"][0]["declarationId"] = declaration
    return body


def _task_body(task: Task) -> Body:
    _, body = task.answer
    link = f"https://localhost{BASE}/task/{task.id}"
    if "results" not in body:
        return {"id": task.id, "results": [body], "declaration": {}, "selfLink": link}
    shown = {name: value for name, value in body.items() if name != "code"}
    return {"id": task.id, **shown, "selfLink": link}
