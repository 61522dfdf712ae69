"""What the device is configured with: objects by kind and full path, and changes that are made whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

Key = tuple[str, str]
"""Kind and full path: `("ltm/pool", "/T/app/pool")`."""


@dataclass
class Object:
    """One object, which is replaced and never changed once it is in a store.

    `properties` are named as in iControl REST; `parts` holds its sub-collections by name, each by full path.
    """

    kind: str
    path: str
    properties: dict[str, Any] = field(default_factory=dict)
    parts: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    generation: int = 1

    @property
    def key(self) -> Key:
        return self.kind, self.path

    @property
    def partition(self) -> str:
        return partition(self.path)

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    def satisfies(self, wanted: Object) -> bool:
        """Whether it is as wanted. What the other leaves open does not count; members and the like have to be the same ones."""
        return _within(wanted.properties, self.properties) and all(
            parts.keys() == self.parts.get(name, {}).keys()
            and all(_within(part, self.parts[name][path]) for path, part in parts.items())
            for name, parts in wanted.parts.items()
        )

    def plain(self) -> dict[str, Any]:
        return {"kind": self.kind, "path": self.path, "properties": self.properties, "parts": self.parts}


def _within(wanted: dict[str, Any], actual: dict[str, Any]) -> bool:
    return all(name in actual and actual[name] == value for name, value in wanted.items())


def partition(path: str) -> str:
    """The partition that a full path is in; empty for what is in none."""
    return path.split("/")[1] if path.startswith("/") else ""


class DeviceError(Exception):
    """The device refuses a change. The text is the device's; `status` is how iControl REST puts it."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.text = text
        self.status = status


class Store:
    """The running configuration. Whoever uses it holds the device's lock."""

    def __init__(self) -> None:
        self._objects: dict[str, dict[str, Object]] = {}
        self.changes = 0
        """How often it was changed."""

    def get(self, kind: str, path: str) -> Object | None:
        return self._objects.get(kind, {}).get(path)

    def of(self, *kinds: str) -> Iterator[Object]:
        """All objects of these kinds, in the order in which they came."""
        for kind in kinds:
            yield from self._objects.get(kind, {}).values()

    def every(self) -> Iterator[Object]:
        return self.of(*sorted(self._objects))

    def put(self, made: Object) -> None:
        self.changes += 1
        made.generation = self.changes
        self._objects.setdefault(made.kind, {})[made.path] = made

    def drop(self, kind: str, path: str) -> None:
        self.changes += 1
        del self._objects[kind][path]

    def change(self, puts: Iterable[Object], drops: Iterable[Key], check: Callable[[Store], None]) -> None:
        """Make a change and check what comes of it; if the check raises anything, everything is as it was."""
        before = {kind: dict(objects) for kind, objects in self._objects.items()}
        try:
            for kind, path in drops:
                self.drop(kind, path)
            for made in puts:
                self.put(made)
            check(self)
        except Exception:
            self._objects = before
            raise

    def restore(self, objects: Iterable[Object]) -> None:
        """Hold exactly these objects."""
        self._objects = {}
        for found in objects:
            self.put(found)
