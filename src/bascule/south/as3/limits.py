"""How many load balancers a device can have.

AS3 keeps the names of all tenants in one record. Once that is full, every change fails.
"""

from __future__ import annotations

from collections.abc import Iterable

from bascule.south.as3.names import tenant_name

_RECORD = 65_520
"""Bytes of the record."""

_REST = 200
"""What else is in it, and some room: date, id and size of the last declaration."""

_NAME = len(tenant_name("")) + 1
"""What one load balancer takes: its name, and a comma."""

MOST = (_RECORD - _REST) // _NAME
"""How many load balancers fit where nobody else has tenants."""

FULL = 0.8
"""From this part of the room on, operators are told."""


def most(allowed: int | None) -> int:
    """How many load balancers a group may be given, where an operator allows it so many, or says nothing."""
    return MOST if allowed is None else min(allowed, MOST)


def taken(names: Iterable[str]) -> float:
    """Which part of the room the names of all tenants take: ours, and those of others."""
    return sum(len(name) + 1 for name in names) / (_RECORD - _REST)


def left(names: Iterable[str]) -> int:
    """How many load balancers there is still room for beside these tenants."""
    return max(0, int((1 - taken(names)) * MOST))
