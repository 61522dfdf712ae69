"""Since when units are behind."""

from __future__ import annotations

import time

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add `unit.behind_since`. Versions that do not know it leave it empty, which nobody minds; what is behind now begins now."""
    bind = op.get_bind()
    if "behind_since" not in {column["name"] for column in sa.inspect(bind).get_columns("unit")}:
        op.add_column("unit", sa.Column("behind_since", sa.Double))
    op.create_index("ix_unit_behind_since", "unit", ["behind_since"], if_not_exists=True)
    unit = sa.table("unit", *(sa.column(name) for name in ("behind_since", "observed", "generation")))
    bind.execute(
        unit.update().where(unit.c.observed < unit.c.generation, unit.c.behind_since.is_(None)).values(behind_since=time.time())
    )
