"""What an operator does not leave to users, though a data plane could carry it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bascule.model.errors import Invalid, Refused
from bascule.model.objects import HealthMonitor, Listener, ListenerProtocol, MonitorType, Object, Pool

TLS_VERSIONS = ("SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
"""From the oldest to the newest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What is allowed: everything, unless somebody says otherwise.

    `oldest_tls` is the oldest version of TLS that may be spoken; no list of ciphers may name one of `prohibited_ciphers`.
    """

    terminated_https: bool = True
    prometheus: bool = True
    ping: bool = True
    oldest_tls: str = TLS_VERSIONS[0]
    prohibited_ciphers: frozenset[str] = frozenset()


def check(allowed: Deployment, each: Object, was: Object | None) -> Iterator[Refused]:
    """Refusals of what is not allowed and is asked for now. What is there already may stay as it is."""
    if was is None:
        yield from _check_kind(allowed, each)
    if not isinstance(each, (Listener, Pool)):
        return
    before = was if isinstance(was, (Listener, Pool)) else None
    if before is None or before.tls_versions != each.tls_versions:
        oldest = TLS_VERSIONS.index(allowed.oldest_tls)
        if old := [version for version in each.tls_versions if TLS_VERSIONS.index(version) < oldest]:
            yield Invalid(f"tls_versions: {', '.join(old)} is not allowed here. Allowed: {', '.join(TLS_VERSIONS[oldest:])}")
    if before is None or before.tls_ciphers != each.tls_ciphers:
        named = set(re.split("[:, ]", each.tls_ciphers or ""))
        if prohibited := sorted(named & allowed.prohibited_ciphers):
            yield Invalid(f"tls_ciphers: {', '.join(prohibited)} is not allowed here")


def _check_kind(allowed: Deployment, each: Object) -> Iterator[Refused]:
    if isinstance(each, Listener):
        unwanted = {
            ListenerProtocol.TERMINATED_HTTPS: not allowed.terminated_https,
            ListenerProtocol.PROMETHEUS: not allowed.prometheus,
        }
        if unwanted.get(each.protocol):
            yield Invalid(f"protocol: listeners of {each.protocol} are not allowed here")
    if isinstance(each, HealthMonitor) and each.type is MonitorType.PING and not allowed.ping:
        yield Invalid(f"type: health monitors of type {each.type} are not allowed here")
