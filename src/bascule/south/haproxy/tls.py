"""TLS: what listeners and pools have in common, versions and ciphers; and what listeners ask of clients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bascule.model.objects import ClientAuthentication, Listener, ListenerProtocol, Pool
from bascule.model.rules.text import CIPHERS
from bascule.model.secrets import SecretKind
from bascule.south.haproxy import certificate
from bascule.south.haproxy.certificate import File
from bascule.south.haproxy.quoting import word

_VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
_ALPN = ("h2", "http/1.1", "http/1.0")
_OLD = ("TLSv1", "TLSv1.1")

_VERIFY = {
    ClientAuthentication.MANDATORY: " verify required",
    # A bad certificate is no reason to turn a client away: L7 rules and members are told the result and decide.
    ClientAuthentication.OPTIONAL: " verify optional crt-ignore-err all ca-ignore-err all",
}


def ends(listener: Listener) -> bool:
    """Whether a listener speaks TLS itself. One that shows metrics does where it has a certificate."""
    if listener.protocol is ListenerProtocol.PROMETHEUS:
        return bool(listener.default_tls_container_ref or listener.sni_container_refs)
    return listener.protocol is ListenerProtocol.TERMINATED_HTTPS


def of_clients(listener: Listener, files: Sequence[File]) -> str:
    """The part of a `bind` line that ends TLS here; nothing for a listener that does not."""
    if not ends(listener):
        return ""
    found = f" ssl crt-list {certificate.crt_list(listener.id)}{settings(listener)}"
    if listener.alpn_protocols:
        found += f" alpn {word(','.join(listener.alpn_protocols))}"
    for option, kind in (("ca-file", SecretKind.CA), ("crl-file", SecretKind.CRL)):
        found += "".join(f" {option} {each.path}" for each in files if certificate.kind(each.document) is kind)
    return found + _VERIFY.get(listener.client_authentication, "")


def settings(each: Listener | Pool) -> str:
    """The part of a `bind` or `server` line that says which versions and ciphers are possible; nothing where all are."""
    found = ""
    if each.tls_versions:
        versions = [version for version in _VERSIONS if version in each.tls_versions]
        found += f" ssl-min-ver {_version(versions[0])} ssl-max-ver {_version(versions[-1])}"
    suites = (each.tls_ciphers or "").split(":")
    modern = ":".join(suite for suite in suites if suite.startswith("TLS_"))
    classic = ":".join(suite for suite in suites if not suite.startswith("TLS_"))
    if set(each.tls_versions) & set(_OLD) and "@SECLEVEL" not in classic:
        classic = f"{classic or 'DEFAULT'}:@SECLEVEL=0"  # OpenSSL would not speak them otherwise
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
    if each.tls_ciphers and not CIPHERS.fullmatch(each.tls_ciphers):
        yield "tls_ciphers must be an OpenSSL cipher string: names joined by colons."
