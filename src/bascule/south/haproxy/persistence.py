"""Session persistence: how a client stays with a member."""

from __future__ import annotations

from collections.abc import Iterator

from bascule.model.objects import PersistenceType, Pool, Tree
from bascule.model.rules.text import is_token
from bascule.south.haproxy import listener
from bascule.south.haproxy.quoting import argument, word

TABLE_ENTRIES = "100k"
"""How many clients a pool remembers that takes a table for it; the oldest are forgotten first."""

_TABLES = (PersistenceType.APP_COOKIE, PersistenceType.SOURCE_IP)
_COOKIES = (PersistenceType.APP_COOKIE, PersistenceType.HTTP_COOKIE)


def by_table(pool: Pool) -> bool:
    """Whether a pool remembers its clients, which takes a table that the next worker has to be handed."""
    return pool.session_persistence is not None and pool.session_persistence.type in _TABLES


def by_cookie(pool: Pool) -> bool:
    """Whether a pool has its clients remember their member, so that every member needs a value for a cookie."""
    return pool.session_persistence is not None and pool.session_persistence.type is PersistenceType.HTTP_COOKIE


def render(pool: Pool) -> list[str]:
    """The lines of a backend that keep clients with their members."""
    match pool.session_persistence and pool.session_persistence.type:
        case PersistenceType.HTTP_COOKIE:
            return ["    cookie SRV insert indirect nocache"]
        case PersistenceType.SOURCE_IP:  # the table holds IPv4 addresses too, in their IPv6 form
            return [_table(pool, "ipv6"), "    stick on src"]
        case PersistenceType.APP_COOKIE:
            return _by_cookie_of_members(pool)
    return []


def _by_cookie_of_members(pool: Pool) -> list[str]:
    """Whoever brings a cookie that a member has set goes to that member.

    Its digest is remembered: long cookies often begin alike, and nobody who looks at the table should be able to use one.
    """
    cookie = argument((pool.session_persistence and pool.session_persistence.cookie_name) or "")
    return [
        _table(pool, "binary len 20"),
        f"    stick match {word(f'req.cook({cookie}),sha1')}",
        f"    stick store-response {word(f'res.cook({cookie}),sha1')}",
    ]


def _table(pool: Pool, key: str) -> str:
    timeout = pool.session_persistence.persistence_timeout if pool.session_persistence else None
    expire = f" expire {timeout:d}s" if timeout else ""
    return f"    stick-table type {key} size {TABLE_ENTRIES}{expire} peers own"


def refuse(pool: Pool, tree: Tree) -> Iterator[str]:
    """What of the persistence of a pool cannot be carried."""
    persistence = pool.session_persistence
    if persistence is None:
        return
    if persistence.type is PersistenceType.APP_COOKIE and not is_token(persistence.cookie_name or ""):
        yield "session_persistence cookie_name must be the name of a cookie."
    if persistence.persistence_granularity:
        yield "session_persistence persistence_granularity is not possible: every client address counts for itself."
    if persistence.persistence_timeout is not None and not 1 <= persistence.persistence_timeout <= 2_000_000:
        yield "session_persistence persistence_timeout can be 1 to 2000000 seconds."
    passing = [each for each in tree.listeners_of(pool.id) if listener.MODES.get(each.protocol) == listener.TCP]
    if persistence.type in _COOKIES and passing:
        yield (
            f"session_persistence type {persistence.type} is not possible behind a {passing[0].protocol} listener, which does not "
            "read requests; it can be SOURCE_IP."
        )
