"""TLS settings that listeners and pools have in common: versions and ciphers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bascule.model.objects import Listener, Pool
from bascule.south.haproxy.quoting import word

_VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
_ALPN = ("h2", "http/1.1", "http/1.0")
_CIPHERS = re.compile(r"[A-Za-z0-9\-+!:@=_.]+")


def settings(each: Listener | Pool) -> str:
    """The part of a `bind` or `server` line that says which versions and ciphers are possible; nothing where all are."""
    found = ""
    if each.tls_versions:
        versions = [version for version in _VERSIONS if version in each.tls_versions]
        found += f" ssl-min-ver {_version(versions[0])} ssl-max-ver {_version(versions[-1])}"
    suites = (each.tls_ciphers or "").split(":")
    modern = ":".join(suite for suite in suites if suite.startswith("TLS_"))
    classic = ":".join(suite for suite in suites if not suite.startswith("TLS_"))
    if classic:
        found += f" ciphers {word(classic)}"
    if modern:
        found += f" ciphersuites {word(modern)}"
    return found


def _version(octavia: str) -> str:
    """HAProxy's name of a TLS version."""
    return "TLSv1.0" if octavia == "TLSv1" else octavia


def refuse(each: Listener | Pool) -> Iterator[str]:
    """What of the versions, ciphers and application protocols cannot be carried."""
    unknown = set(each.tls_versions) - set(_VERSIONS)
    places = sorted(_VERSIONS.index(version) for version in set(each.tls_versions) - unknown)
    if unknown:
        yield f"tls_versions {', '.join(sorted(unknown))} is not possible; possible are {', '.join(_VERSIONS)}."
    elif places and places != list(range(places[0], places[-1] + 1)):
        yield "tls_versions must be without a gap: give every version between the oldest and the newest."
    if set(each.alpn_protocols) - set(_ALPN):
        yield f"alpn_protocols can be {', '.join(_ALPN)}."
    if each.tls_ciphers and not _CIPHERS.fullmatch(each.tls_ciphers):
        yield "tls_ciphers must be an OpenSSL cipher string: names joined by colons."
