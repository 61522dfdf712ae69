"""The API as clients see it: requests that may fail to get an answer, and a look at everything that is wanted."""

from __future__ import annotations

import http.client
import json
import random
import time
from collections.abc import Sequence
from typing import Any

from bench.load import HOST
from chaos.edits import LISTENER, MEMBER, MONITOR, POLICY, POOL, REFERENCES, ROOT, RULE, Thing, Tree

ROOT_PATH = "/v2/lbaas"

TIMEOUT = 90.0
"""Seconds that an answer is waited for: longer than any fault lasts, and what a write may wait for others besides."""

_PATIENCE = 120.0
_GOING = ("PENDING_DELETE", "DELETED")


class NotSent(Exception):
    """Nobody took the request."""


class NoAnswer(Exception):
    """The request was sent, and what came of it is not known. `late`: it may still be under way."""

    def __init__(self, text: str, *, late: bool = False) -> None:
        super().__init__(text)
        self.late = late


class Api:
    """Several processes that answer the same. One thread at a time may use it."""

    def __init__(self, ports: Sequence[int], chosen: random.Random) -> None:
        self._ports = ports
        self._random = chosen

    def send(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and body of the answer to one request. Raises NotSent or NoAnswer."""
        connection = http.client.HTTPConnection(HOST, self._random.choice(self._ports), timeout=TIMEOUT)
        try:
            try:
                connection.connect()
            except OSError as error:
                raise NotSent(str(error)) from error
            content = None if body is None else json.dumps(body)
            try:
                connection.request(method, ROOT_PATH + path, content, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                text = answer.read()
            except TimeoutError as error:
                raise NoAnswer(f"no answer within {TIMEOUT:.0f} s", late=True) from error
            except (OSError, http.client.HTTPException) as error:
                raise NoAnswer(f"{type(error).__name__}: {error}") from error
            return answer.status, _parsed(text)
        finally:
            connection.close()

    def get(self, path: str) -> tuple[int, Any]:
        """Status and body of a question, which is asked until it is answered. Raises RuntimeError if it is not."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                status, body = self.send("GET", path)
                if status < 500:
                    return status, body
                trouble = f"{status}: {body}"
            except (NotSent, NoAnswer) as error:
                trouble = str(error)
            if time.monotonic() > deadline:
                raise RuntimeError(f"GET {path} is not answered: {trouble}")
            time.sleep(0.2)

    def list(self, path: str) -> list[dict[str, Any]]:
        """The objects of a collection; none where what it belongs to is not there."""
        status, body = self.get(path)
        if status == 404:
            return []
        if status != 200:
            raise RuntimeError(f"GET {path} was answered with {status}: {body}")
        name = next(key for key in body if not key.endswith("_links"))
        found: list[dict[str, Any]] = body[name]
        return found


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text.decode(errors="replace")


class Seen:
    """A load balancer as the API shows it. `tree` is what is wanted, None if it is not there; `ids` those of what is in it.

    `statuses` are the provisioning statuses of everything that is shown, also of what is going, by kind and name.
    """

    def __init__(self, api: Api, load_balancer_id: str) -> None:
        self.tree: Tree | None = None
        self.ids: dict[str, str] = {}
        self.statuses: dict[str, str] = {}
        self._api = api
        self._things: dict[str, Thing] = {}
        self._names: dict[str, str] = {}
        status, body = api.get(f"/loadbalancers/{load_balancer_id}")
        if status == 404:
            return
        root = body[ROOT]
        if self._add(ROOT, None, root):
            self._look(root["name"], load_balancer_id)
            self.tree = {name: self._named(each) for name, each in self._things.items()}

    def _look(self, name: str, load_balancer_id: str) -> None:
        for listener in self._all(LISTENER, name, f"/listeners?loadbalancer_id={load_balancer_id}"):
            for policy in self._all(POLICY, listener["name"], f"/l7policies?listener_id={listener['id']}"):
                self._all(RULE, policy["name"], f"/l7policies/{policy['id']}/rules")
        for pool in self._all(POOL, name, f"/pools?loadbalancer_id={load_balancer_id}"):
            self._all(MEMBER, pool["name"], f"/pools/{pool['id']}/members")
            self._all(MONITOR, pool["name"], f"/healthmonitors?pool_id={pool['id']}")

    def _all(self, kind: str, parent: str, path: str) -> list[dict[str, Any]]:
        return [each for each in self._api.list(path) if self._add(kind, parent, each)]

    def _add(self, kind: str, parent: str | None, shown: dict[str, Any]) -> bool:
        # A rule has no name; its value, which nothing else has, holds it.
        name = shown["value"].lstrip("/") if kind == RULE else shown["name"]
        self.statuses[f"{kind} {name}"] = shown["provisioning_status"]
        if shown["provisioning_status"] in _GOING:
            return False
        self._things[name] = Thing(kind, parent, shown)
        self.ids[name] = shown["id"]
        self._names[shown["id"]] = name
        return True

    def _named(self, each: Thing) -> Thing:
        given = {key: self._names.get(value, value) if key in REFERENCES else value for key, value in each.given.items()}
        return Thing(each.kind, each.parent, given)


def differences(wanted: Tree | None, seen: Tree | None) -> list[str]:
    """How what the API shows differs from what was acknowledged, thing by thing."""
    if wanted is None or seen is None:
        return [] if wanted is seen else [f"it is {'there' if wanted is None else 'not there'}"]
    found = [f"{wanted[name].kind} {name} is missing" for name in wanted if name not in seen]
    found += [f"{seen[name].kind} {name} is there" for name in seen if name not in wanted]
    for name, each in wanted.items():
        shown = seen.get(name)
        if shown is None:
            continue
        if (each.kind, each.parent) != (shown.kind, shown.parent):
            found.append(f"{each.kind} {name} of {each.parent} is {shown.kind} of {shown.parent}")
        for key, value in each.given.items():
            if shown.given.get(key) != value:
                found.append(f"{each.kind} {name}: {key} is {shown.given.get(key)!r} and was acknowledged as {value!r}")
    return found
