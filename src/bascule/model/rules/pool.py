"""Rules for pools."""

from __future__ import annotations

from collections.abc import Iterator

from bascule.model.errors import Invalid, Refused
from bascule.model.objects import PersistenceType, Pool, SessionPersistence, Tree
from bascule.model.rules.protocols import DATAGRAMS
from bascule.model.rules.text import check_ciphers, is_token


def check(tree: Tree, pool: Pool) -> Iterator[Refused]:
    """Refusals of a pool that contradicts itself."""
    if pool.session_persistence is not None:
        yield from _check_cookie(pool.session_persistence)
        yield from _check_persistence(pool, pool.session_persistence)
    yield from check_ciphers(pool.tls_ciphers)
    if pool.crl_container_ref and not pool.ca_tls_container_ref:
        yield Invalid("ca_tls_container_ref is needed for crl_container_ref")


def _check_cookie(persistence: SessionPersistence) -> Iterator[Refused]:
    named = persistence.type is PersistenceType.APP_COOKIE
    if named and not persistence.cookie_name:
        yield Invalid("session_persistence: cookie_name is needed when the type is APP_COOKIE")
    if persistence.cookie_name and not named:
        yield Invalid(f"session_persistence: cookie_name is only allowed with APP_COOKIE, not with {persistence.type}")
    if persistence.cookie_name and not is_token(persistence.cookie_name):
        yield Invalid("session_persistence: cookie_name may have letters, digits and !#$%&'*+-.^_`|~")


def _check_persistence(pool: Pool, persistence: SessionPersistence) -> Iterator[Refused]:
    if pool.protocol in DATAGRAMS:
        if persistence.type is not PersistenceType.SOURCE_IP:
            yield Invalid(f"session_persistence: only SOURCE_IP is allowed on {pool.protocol} pools, not {persistence.type}")
    elif persistence.persistence_timeout is not None or persistence.persistence_granularity is not None:
        yield Invalid("session_persistence: persistence_timeout and persistence_granularity are only allowed on UDP and SCTP pools")
