"""The saved configuration as a file: what survives the end of the emulator when it is asked to."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bigip_emulator.objects import Object

_FORMAT = 1


@dataclass(frozen=True)
class State:
    """A whole configuration. Neither objects nor records are changed after they were put here."""

    objects: list[Object]
    records: dict[str, Any]


def load(path: Path | None) -> State | None:
    """The state in a file, None if there is none yet. Raises ValueError when it cannot be read as one."""
    try:
        plain = json.loads(path.read_text()) if path else None
    except FileNotFoundError:
        return None
    if plain is None:
        return None
    if not isinstance(plain, dict) or plain.get("format") != _FORMAT:
        raise ValueError(f"{path} is not a state file of this version")
    return State([Object(**found) for found in plain["objects"]], plain["records"])


def save(path: Path, state: State) -> None:
    """Write the state so that a file is always whole. It may hold keys, so nobody else may read it."""
    plain = {"format": _FORMAT, "objects": [found.plain() for found in state.objects], "records": state.records}
    new = path.with_name(f"{path.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(plain, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)
