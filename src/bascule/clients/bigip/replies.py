"""What AS3 answers to a declaration, in all its forms, as values.

One request may be answered as a whole or tenant by tenant; and the HTTP status says nothing about a task. So everything is sorted
here into five kinds of reply, and what a tenant got into five verdicts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bascule.clients.bigip.clean import clean


class Verdict(StrEnum):
    """What came of one tenant."""

    DONE = "done"
    REFUSED = "refused"
    """The device refuses this content; the tenant is as it was before."""
    STALE = "stale"
    """Somebody else has written this tenant since its lock key was read; it is as that one left it."""
    TROUBLE = "trouble"
    """The device was in trouble. Nobody knows whether it was done, or will be; sending it again tells."""
    OCCUPIED = "occupied"
    """Another write was under way. Nothing was done."""


@dataclass(frozen=True, slots=True)
class TenantResult:
    """What a request did to one tenant. `text` is the device's words, for operators."""

    tenant: str
    verdict: Verdict
    code: int
    text: str
    changed: bool = False
    """Something was written: it was not yet as declared."""


@dataclass(frozen=True, slots=True)
class Result:
    """Tenant by tenant. Common may be there twice: what is needed is made before the others, and what is not is removed after.

    What became of a tenant that is not there is not known.
    """

    tenants: tuple[TenantResult, ...]


@dataclass(frozen=True, slots=True)
class Rejection:
    """The whole request was refused before anything was touched. Only the first error found is told.

    `tenants` are those that AS3 blames; nobody where it blames none by name.
    """

    text: str
    tenants: tuple[str, ...] = ()
    code: int = 422


@dataclass(frozen=True, slots=True)
class Task:
    """It is under way. Ask for the task by its id later."""

    id: str


@dataclass(frozen=True, slots=True)
class Occupied:
    """Another write is under way, or AS3 is starting. Nothing was done."""

    text: str


@dataclass(frozen=True, slots=True)
class Unclear:
    """Whether it was done is not known: the task was lost, or AS3 failed, perhaps after it had changed the device.

    Sending it again tells.
    """

    text: str


Reply = Result | Rejection | Task | Occupied | Unclear

_STALE = "does not match the hash on the current tenant"
_TROUBLE = ("taking longer than expected", "failed during execution", "failure querying config", "connection to mcpd", "timed out")
"""Parts of texts that tell of the device's state rather than of the content."""
_CODED = re.compile(r"\b[0-9a-f]{8}:\d+: ")
"""How the device's own refusals begin. What follows may quote anything."""
_GUILTY = re.compile(r"/([A-Za-z][\w.-]*)(?=[/:])")
_ANYWHERE = re.compile(r"(?:^|\s)/([A-Za-z][\w.-]*)/")


def reply(status: int, body: Any, text: str) -> Reply:
    """What AS3 says to one declaration. `text` is the body as it came, for forms that nobody has seen yet."""
    if status == 503:
        return Occupied(_message(body, text))
    if not isinstance(body, Mapping):
        return _otherwise(status, clean(text or "no text"))
    results = body.get("results")
    if isinstance(results, list):
        return _of_results([one for one in results if isinstance(one, Mapping)], body)
    return _whole(body, status)


def of_task(status: int, body: Any, text: str) -> Reply:
    """What a task has come to."""
    if status == 404:
        # AS3 keeps the newest 25, and none of those that were not finished when it started.
        return Unclear(f"the task is not known any more: {_message(body, text)}")
    return reply(status, body, text)


def _of_results(results: Sequence[Mapping[str, Any]], body: Mapping[str, Any]) -> Reply:
    """The codes inside count, whatever the status of the answer or of the task."""
    tenants = tuple(_tenant(one) for one in results if _is_tenant(one))
    if not tenants and results:
        only = results[0]
        code = _code(only)
        if code == 0:
            return _under_way(str(only.get("message", "")), body.get("id"))
        if code >= 400:
            return _whole(only, code)
    return Result(tenants)


def _is_tenant(result: Mapping[str, Any]) -> bool:
    name = result.get("tenant")
    return isinstance(name, str) and name not in ("", "all_tenants")


def _under_way(message: str, task: Any) -> Reply:
    if "cancel" in message or not isinstance(task, str):
        return Unclear(clean(message) or "a task without an id")
    return Task(task)


def _whole(body: Mapping[str, Any], status: int) -> Reply:
    """An answer that is about the whole request."""
    code = _code(body) or status
    words = _words(body)
    if code == 503:
        return Occupied(words)
    if 400 <= code < 500 and code != 408:
        return Rejection(words, _blamed(body), code)
    return _otherwise(code, words)


def _otherwise(code: int, words: str) -> Reply:
    return Rejection(words, (), code) if 400 <= code < 500 and code != 408 else Unclear(f"{words} (code {code})")


def _tenant(result: Mapping[str, Any]) -> TenantResult:
    code = _code(result)
    words = _words(result)
    return TenantResult(
        tenant=str(result["tenant"]),
        verdict=_verdict(code, words.lower()),
        code=code,
        text=words,
        changed=code == 200 and bool(result.get("lineCount")),
    )


def _verdict(code: int, words: str) -> Verdict:
    if code == 200:
        return Verdict.DONE
    if code == 503:
        return Verdict.OCCUPIED
    if _STALE in words:
        return Verdict.STALE
    # 400 is what AS3 gives when it could not read the device, or hand it its script.
    if code != 422 or (not _CODED.search(words) and any(part in words for part in _TROUBLE)):
        return Verdict.TROUBLE
    return Verdict.REFUSED


def _blamed(body: Mapping[str, Any]) -> tuple[str, ...]:
    """The tenants named in the list, else in the paths that errors begin with, else in a path in the text."""
    listed = body.get("tenant")
    if isinstance(listed, list):
        return _once(str(one) for one in listed)
    errors = [one for one in body.get("errors") or () if isinstance(one, str)]
    if found := _once(match[1] for one in errors if (match := _GUILTY.match(one))):
        return found
    return _once(name for name in _ANYWHERE.findall(str(body.get("message", ""))) if name != "Common")


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _code(body: Mapping[str, Any]) -> int:
    found = body.get("code")
    return found if isinstance(found, int) else 0


def _message(body: Any, text: str) -> str:
    return _words(body) if isinstance(body, Mapping) else clean(text or "no text")


def _words(body: Mapping[str, Any]) -> str:
    """The message with what explains it: the errors found, or the device's own words."""
    errors = body.get("errors")
    parts = [str(body.get("message", "")), str(body.get("response", ""))]
    parts += [str(one) for one in errors] if isinstance(errors, list) else []
    return clean(": ".join(part for part in parts if part) or "no text")
