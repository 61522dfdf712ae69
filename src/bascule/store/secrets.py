"""What the references to secrets stood for in the last pass, and when that ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from bascule.model.secrets import SecretKind
from bascule.store.changes import delete, upsert
from bascule.store.tables import secret_use

Key = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretUse:
    """One row of the table `secret_use`: an object uses a reference as something. Times are seconds since the epoch, UTC."""

    unit_id: str
    object_id: str
    kind: SecretKind
    ref: str
    project_id: str
    digest: str | None = None
    ends_at: float | None = None
    part: str | None = None
    looked_at: float = 0.0
    warned: int | None = None

    @property
    def key(self) -> Key:
        return self.unit_id, self.object_id, str(self.kind), self.ref


_KEYS = ("unit_id", "object_id", "kind", "ref")
_COLUMNS = tuple(SecretUse.__dataclass_fields__)
_SELECT = sa.select(*(secret_use.c[name] for name in _COLUMNS))
_OF_UNITS = _SELECT.where(secret_use.c.unit_id.in_(sa.bindparam("ids", expanding=True)))
_LONGEST_AGO = (
    _SELECT.where(secret_use.c.looked_at < sa.bindparam("b_before")).order_by(secret_use.c.looked_at).limit(sa.bindparam("b_limit"))
)
_LOOKED = (
    secret_use.update()
    .where(*(secret_use.c[name] == sa.bindparam(f"b_{name}") for name in _KEYS))
    .values(looked_at=sa.bindparam("b_now"))
)


def _uses(rows: Iterable[sa.Row[Any]]) -> dict[Key, SecretUse]:
    found = (SecretUse(**dict(row._mapping) | {"kind": SecretKind(row.kind)}) for row in rows)
    return {use.key: use for use in found}


def of_units(conn: sa.Connection, unit_ids: Sequence[str]) -> dict[Key, SecretUse]:
    """The uses of secrets in some units."""
    return _uses(conn.execute(_OF_UNITS, {"ids": list(unit_ids)}))


def longest_ago(conn: sa.Connection, before: float, limit: int) -> dict[Key, SecretUse]:
    """Uses that nobody has looked at since a time, longest ago first."""
    return _uses(conn.execute(_LONGEST_AGO, {"b_before": before, "b_limit": limit}))


def looked(conn: sa.Connection, keys: Iterable[Key], now: float) -> None:
    """Write down that somebody has just looked at these uses. Those that are gone by now are passed over."""
    rows = [{f"b_{name}": value for name, value in zip(_KEYS, key, strict=True)} | {"b_now": now} for key in sorted(keys)]
    if rows:
        conn.execute(_LOOKED, rows)


def save(conn: sa.Connection, before: Iterable[SecretUse], after: Iterable[SecretUse]) -> None:
    """Write what changed between two states of the uses in some units, which are locked."""
    old, new = ({each.key: each for each in side} for side in (before, after))
    # In the order in which `looked` writes, so that the two are not in each other's way.
    delete(conn, secret_use, _KEYS, sorted(key for key in old if key not in new))
    changed = [_row(each) for key, each in sorted(new.items(), key=lambda item: item[0]) if old.get(key) != each]
    upsert(conn, secret_use, _KEYS, old.keys(), changed)


def _row(each: SecretUse) -> dict[str, Any]:
    return {name: getattr(each, name) for name in _COLUMNS} | {"kind": str(each.kind)}
