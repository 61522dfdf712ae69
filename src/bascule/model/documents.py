"""Documents, and the one difference between what a data plane holds and what it should hold.

A data plane is described by named documents: text bodies under names. A body never holds a secret; it holds the secret's
reference and digest. Two documents are the same when their digests are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

Documents = Mapping[str, str]
"""Bodies by name, in the order in which they are to be written."""


def digest(body: str) -> str:
    """The hexadecimal SHA-256 of a body."""
    return hashlib.sha256(body.encode()).hexdigest()


def digests(documents: Documents) -> dict[str, str]:
    """The digests of all bodies, by name."""
    return {name: digest(body) for name, body in documents.items()}


@dataclass(frozen=True, slots=True)
class Held:
    """One document that a data plane holds. The body is None where only its digest is on record."""

    digest: str
    body: str | None = None


Holding = Mapping[str, Held]
"""What a carrier holds, by name."""


def holding(documents: Documents) -> dict[str, Held]:
    """What a data plane that was read holds."""
    return {name: Held(digest(body), body) for name, body in documents.items()}


class Verb(StrEnum):
    """What a step does to its document."""

    CREATE = "create"
    REPLACE = "replace"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Step:
    """One write. `body` is None for a delete; `before` is what was there, where it is known."""

    verb: Verb
    name: str
    body: str | None = None
    before: str | None = None


def diff(actual: Holding, target: Documents) -> tuple[Step, ...]:
    """Creates and replaces in the order of the target, then deletes in reverse order of what is there."""
    steps: list[Step] = []
    for name, body in target.items():
        held = actual.get(name)
        if held is None:
            steps.append(Step(Verb.CREATE, name, body))
        elif held.digest != digest(body):
            steps.append(Step(Verb.REPLACE, name, body, held.body))
    gone = (name for name in reversed(list(actual)) if name not in target)
    return (*steps, *(Step(Verb.DELETE, name, None, actual[name].body) for name in gone))
