"""The endpoints of AS3 below /mgmt/shared/appsvcs, and the threads and tasks behind them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bigip_emulator.as3 import RELEASE, VERSION, forms
from bigip_emulator.as3.operation import Body, Write
from bigip_emulator.as3.records import SETTINGS, Records
from bigip_emulator.as3.shape import Invalid
from bigip_emulator.as3.structure import TENANT, Declaration, items_of, tenants_of
from bigip_emulator.as3.tasks import BASE, Task, Tasks, submitted
from bigip_emulator.as3.view import answered
from bigip_emulator.as3.writer import FULL, Writer
from bigip_emulator.clock import stamp
from bigip_emulator.device import Device
from bigip_emulator.web import Json, Refused, Request, Response, Router, framework

PATIENCE = 45.0
"""How long a synchronous request is kept waiting before it becomes a task."""
_QUERY = {"async", "show", "age", "filterClass", "showHash", "unchecked", "unsafe", "retrieveAge"}


class As3:
    """The AS3 of one device."""

    def __init__(self, device: Device, sync: Callable[[], object]) -> None:
        self._device = device
        self._records = Records(device)
        self.writer = Writer(device.clock)
        self._known = Tasks(device, self._records, self.writer, sync)

    def routes(self, router: Router) -> None:
        declare = f"{BASE}/declare"
        router.add(f"{BASE}/info", GET=self._info)
        router.add(f"{BASE}/settings", GET=self._settings, POST=self._set)
        router.add(f"{BASE}/task", GET=self._tasks, POST=self._task_post)
        router.add(f"{BASE}/task/{{number}}", GET=self._task)
        router.add(declare, GET=self._get, POST=self._post, PATCH=self._patch, DELETE=self._delete)
        router.add(f"{declare}/{{tenants}}", GET=self._get, POST=self._post, PATCH=self._patch, DELETE=self._delete)
        applications = f"{declare}/{{tenants}}/applications"
        router.add(applications, GET=self._get_applications, POST=self._post_applications, DELETE=self._delete_applications)
        router.add(
            applications + "/{application}",
            GET=self._get_applications,
            POST=self._post_application,
            DELETE=self._delete_applications,
        )
        router.add(f"{BASE}/{{rest:path}}", GET=self._nowhere, POST=self._nowhere, PATCH=self._nowhere, DELETE=self._nowhere)

    def ready(self) -> None:
        """Raises Refused while AS3 loads, as the framework does in its place."""
        if not self._device.as3_ready():
            raise Refused(404, framework("Public URI path not registered", 404))

    # Reading

    def _nowhere(self, _request: Request, rest: str) -> Response:
        raise forms.bad_request("Bad Request: Invalid path")

    def _info(self, _request: Request) -> Response:
        return Response(200, {"version": VERSION, "release": RELEASE, "schemaCurrent": VERSION, "schemaMinimum": "3.0.0"})

    def _settings(self, _request: Request) -> Response:
        with self._device.lock:
            return Response(200, self._records.settings())

    def _set(self, request: Request) -> Response:
        body = _parsed(request)
        given = body if isinstance(body, dict) else {}
        for name, value in given.items():
            if name not in SETTINGS or type(value) is not type(SETTINGS[name]):
                keyword = "type" if name in SETTINGS else "additionalProperties"
                message = (
                    f"should be {type(SETTINGS[name]).__name__}" if name in SETTINGS else "should NOT have additional properties"
                )
                error = {"keyword": keyword, "dataPath": f".{name}" if name in SETTINGS else "", "message": message}
                raise Refused(422, {"code": 422, "message": "declaration is invalid", "errors": [error]})
        with self._device.lock:
            self._records.set(given)
            return Response(200, self._records.settings())

    def _get(self, request: Request, tenants: str = "") -> Response:
        _check_query(request.query)
        age = request.query.get("age", "0")
        with self._device.lock:
            history = self._records.declarations()
        if age == "list":
            return Response(200, [_aged(entry, number) for number, entry in enumerate(history)])
        if int(age) >= len(history):
            if tenants or history:
                raise Refused(404, {"code": 404, "message": "declaration in specified path not found"})
            return Response(204)
        declaration = history[int(age)]["declaration"]
        found = tenants_of(declaration)
        if not found:
            return Response(204)
        names = tenants.split(",") if tenants else found
        missing = [name for name in names if name not in found]
        if missing:
            raise Refused(404, {"code": 404, "message": f"specified Tenant(s) '{','.join(missing)}' not found in declaration"})
        return Response(200, answered(declaration, names, request.query))

    def _get_applications(self, request: Request, tenants: str, application: str = "") -> Response:
        _check_query(request.query)
        tenant = _one(tenants)
        with self._device.lock:
            stored = self._records.current() or {}
        if tenant not in tenants_of(stored):
            raise Refused(404, {"code": 404, "message": f"specified tenant '{tenant}' not found in declaration"})
        found = dict(items_of(stored[tenant], TENANT))
        if application and application not in found:
            raise Refused(404, {"code": 404, "message": f"specified Application '{application}' not found in '{tenant}'"})
        shown = {name: value for name, value in found.items() if application in ("", name)}
        head = {name: stored[name] for name in ("schemaVersion", "id", "updateMode", "controls") if name in stored}
        return Response(200, {**shown, **head})

    # Writing

    def _post(self, request: Request, tenants: str = "") -> Response:
        _check_query(request.query)
        only = tenants.split(",") if tenants else None
        body = _parsed(request)
        if isinstance(body, list):
            return self._array(request, body, only)
        answer = self._one_post(request, body, only)
        return answer if isinstance(answer, Response) else self._carried_out(request, answer)

    def _one_post(self, request: Request, body: Json, only: list[str] | None) -> Write | Response:
        """What a single body asks for, or the answer when that is known already."""
        try:
            wrapper = forms.unwrap(body)
            with self._device.lock:
                stored = self._records.current() or {}
                history = self._records.declarations()
            action = wrapper["action"]
            if action == "retrieve":
                age = str(wrapper.get("retrieveAge", 0))
                return self._get(Request("GET", "", {**request.query, "age": age}, {}, b"", ""), ",".join(only or []))
            if action == "remove":
                return self._removal(request, only, wrapper)
            if action == "patch":
                return forms.write(wrapper, forms.patched(stored, wrapper["patchBody"]), only, request.query)
            declaration: Declaration = wrapper.get("declaration") or {}
            if action == "redeploy":
                age = wrapper.get("redeployAge", 0)
                if age >= len(history):
                    raise Refused(404, {"code": 404, "message": "declaration in specified path not found"})
                declaration = {name: value for name, value in history[age]["declaration"].items() if name != "controls"}
                if wrapper.get("redeployUpdateMode", "original") != "original":
                    declaration["updateMode"] = wrapper["redeployUpdateMode"]
            return forms.write(wrapper, declaration, only, request.query)
        except Invalid as problem:
            return Response(problem.status, {"code": problem.status, "message": problem.text})

    def _array(self, request: Request, bodies: list[Json], only: list[str] | None) -> Response:
        later = request.query.get("async") == "true"
        tasks: list[Response | Task] = []
        for body in bodies:
            asked = self._one_post(request, body, only)
            task = asked if isinstance(asked, Response) else self._known.start(asked)
            if isinstance(task, Task) and not later:
                task.done.wait()
            tasks.append(task)
        if later:
            items = [task.body if isinstance(task, Response) else submitted(task.id, "") for task in tasks]
            return Response(202, {"code": 202, "items": items})
        answers = [(task.status, task.body) if isinstance(task, Response) else task.answer for task in tasks]
        codes = {status for status, _ in answers}
        code = codes.pop() if len(codes) == 1 else 207
        return Response(code, {"code": code, "items": [body for _, body in answers]})

    def _patch(self, request: Request, tenants: str = "") -> Response:
        _check_query(request.query)
        body = _parsed(request)
        wrapper = body if isinstance(body, dict) else {"class": "AS3", "action": "patch", "patchBody": body}
        answer = self._one_post(request, wrapper, tenants.split(",") if tenants else None)
        return answer if isinstance(answer, Response) else self._carried_out(request, answer)

    def _delete(self, request: Request, tenants: str = "") -> Response:
        _check_query(request.query)
        asked = self._removal(request, tenants.split(",") if tenants else None, {"action": "remove"})
        return self._carried_out(request, asked)

    def _removal(self, request: Request, only: list[str] | None, wrapper: dict[str, Any]) -> Write:
        with self._device.lock:
            stored = self._records.current() or {}
        names = only
        if names is None:
            names = tenants_of(stored)
            names = ["Common", *(name for name in names if name != "Common")] if names else []
        return forms.write(wrapper, forms.removing(names, stored, None if names else {}), None, request.query)

    def _post_applications(self, request: Request, tenants: str) -> Response:
        _check_query(request.query)
        tenant = _one(tenants)
        with self._device.lock:
            allowed = self._records.settings()["perAppDeploymentAllowed"]
            stored = self._records.current() or {}
        if not allowed:
            raise forms.bad_request(
                "Per-app deployment is not allowed. Please set perAppDeploymentAllowed to true in the settings."
            )
        try:
            declaration = forms.applications(tenant, _parsed(request), stored)
        except Invalid as problem:
            raise Refused(problem.status, {"code": problem.status, "message": problem.text}) from None
        asked = forms.write({"action": "deploy"}, declaration, None, request.query)
        asked.application = True
        return self._carried_out(request, asked)

    def _post_application(self, _request: Request, tenants: str, application: str) -> Response:
        raise forms.bad_request(f"declare/{tenants}/applications/{application} is an invalid path for POST")

    def _delete_applications(self, request: Request, tenants: str, application: str = "") -> Response:
        _check_query(request.query)
        tenant = _one(tenants)
        with self._device.lock:
            stored = self._records.current() or {}
        if not application:
            return self._delete(request, tenant)
        declaration = forms.without_application(tenant, application, stored)
        return self._carried_out(request, forms.write({"action": "deploy"}, declaration, None, request.query))

    def _carried_out(self, request: Request, asked: Write) -> Response:
        task = self._known.start(asked)
        if request.query.get("async") == "true" or not self._device.clock.wait(task.done, PATIENCE):
            return Response(202, submitted(task.id, asked.id))
        status, body = task.answer
        if status == 0:
            # The queue was full, or AS3 went away: who waits is told so, who polls finds a cancelled task.
            raise Refused(503, {"code": 503, "message": FULL})
        return Response(status, body)

    # Tasks

    def _task(self, _request: Request, number: str) -> Response:
        for body in self._known.all():
            if body["id"] == number:
                return Response(200, body)
        raise Refused(404, {"message": f"No record found with ID of {number}"})

    def _tasks(self, _request: Request) -> Response:
        return Response(200, {"items": self._known.all()})

    def _task_post(self, request: Request) -> Response:
        body = _parsed(request)
        if not isinstance(body, dict) or body.get("action") != "retrieve":
            raise forms.bad_request("POST to /task is only allowed for action retrieve")
        answer = self._one_post(request, body, None)
        assert isinstance(answer, Response)
        return answer


_Check = Callable[[str], str | None]


def _boolean(name: str) -> _Check:
    return lambda value: None if value in ("true", "false") else f'{name} must be "true" or "false"'


def _age(value: str) -> str | None:
    valid = value == "list" or (value.isdecimal() and int(value) <= 15)
    return None if valid else f'invalid age value "{value}" - must be between 0-15 or "list"'


_CHECKS: dict[str, _Check] = {
    "async": _boolean("async"),
    "showHash": _boolean("showHash"),
    "unchecked": _boolean("unchecked"),
    "age": _age,
    "show": lambda value: None if value in ("base", "full", "expanded") else 'show must be "base", "full", or "expanded"',
}


def _check_query(query: dict[str, str]) -> None:
    for name, value in query.items():
        if name not in _QUERY and not name.startswith("controls."):
            raise forms.bad_request(f'unrecognized URL query parameter "{name}"')
        problem = _CHECKS[name](value) if name in _CHECKS else None
        if problem:
            raise forms.bad_request(problem)


def _parsed(request: Request) -> Json:
    if not request.body:
        raise Refused(408, {"code": 408, "message": "Request exceeded iControl LX timeout"})
    try:
        return request.json()
    except Refused:
        first = request.body[:1].decode(errors="replace")
        raise forms.bad_request(f"cannot parse JSON POST payload (Unexpected token '{first}')") from None


def _one(tenants: str) -> str:
    if "," in tenants:
        text = f"declare/{tenants}/applications is an invalid path. Only 1 tenant and 1 application may be specified in the URL."
        raise forms.bad_request(text)
    return tenants


def _aged(entry: dict[str, Any], number: int) -> Body:
    milliseconds = entry["time"]
    name = f"____appsvcs_declaration-{milliseconds}"
    return {"name": name, "timestamp": milliseconds, "date": stamp(milliseconds / 1000), "age": number}
