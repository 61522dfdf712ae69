"""Facts about the database itself.

The epoch tells one life of the database from the next. Data planes are marked with it, so that what was written before
a backup was restored is not mistaken for something newer. The installation tells whose database it is, in all of its lives: data
planes are marked with it, so that what several share is not taken for each other's.
"""

from __future__ import annotations

import secrets
import time

import sqlalchemy as sa

from bascule.model.backend import Fence
from bascule.store.tables import meta

_EPOCH = meta.c.name == "epoch"
_OLDEST = meta.c.name == "oldest"
_INSTALLATION = meta.c.name == "installation"
_LIFE = sa.select(meta.c.name, meta.c.value).where(sa.or_(_EPOCH, _INSTALLATION))


def epoch(conn: sa.Connection) -> int:
    """The epoch that the database is in. Raises sqlalchemy.exc.NoResultFound if no migration has run."""
    return int(conn.scalars(sa.select(meta.c.value).where(_EPOCH)).one())


def new_epoch(conn: sa.Connection) -> int:
    """Begin a new epoch and return it.

    It is also later than any that was begun after the backup was made, even if the same backup is restored twice:
    that is why it takes the number of seconds since 1970, if that is more.
    """
    last = int(conn.scalars(sa.select(meta.c.value).where(_EPOCH).with_for_update()).one())
    number = max(last + 1, int(time.time()))
    conn.execute(meta.update().where(_EPOCH).values(value=str(number)))
    return number


def oldest(conn: sa.Connection) -> str:
    """The migration that a version of Bascule must know to work with this database."""
    return str(conn.scalar(sa.select(meta.c.value).where(_OLDEST)) or "")


def set_oldest(conn: sa.Connection, migration: str) -> None:
    """Have only versions work with this database that know a migration."""
    if not conn.execute(meta.update().where(_OLDEST).values(value=migration)).rowcount:
        conn.execute(meta.insert().values(name="oldest", value=migration))


def installation(conn: sa.Connection) -> str:
    """Whose database it is: 12 digits and letters that no other installation has."""
    return str(conn.scalars(sa.select(meta.c.value).where(_INSTALLATION)).one())


def new_installation(conn: sa.Connection) -> str:
    """Make the database that of another installation, and return which. What the one before has is not its own any more."""
    made = secrets.token_hex(6)
    conn.execute(meta.update().where(_INSTALLATION).values(value=made))
    return made


def fence(conn: sa.Connection, number: int) -> Fence:
    """What the holder of a lane writes with, in the epoch and for the installation of the database."""
    found = {row.name: row.value for row in conn.execute(_LIFE)}
    return Fence(int(found["epoch"]), number, found["installation"])


_FENCE = meta.c.name == "fence"


def last_fence(conn: sa.Connection) -> int:
    """The highest fencing number of a lane that was forgotten; 0 if none was."""
    return int(conn.scalar(sa.select(meta.c.value).where(_FENCE)) or 0)


def keep_fence(conn: sa.Connection, fence: int) -> None:
    """Remember the fencing number of a lane that is forgotten: data planes have seen it, and would refuse a lower one."""
    if conn.execute(meta.update().where(_FENCE).values(value=str(max(fence, last_fence(conn))))).rowcount == 0:
        conn.execute(meta.insert().values(name="fence", value=str(fence)))
