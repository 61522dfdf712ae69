"""What AS3 accepts though it is wrong: the device refuses it, or does not do what was meant. For declarations as they are sent."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from tests.south.as3.checks import Items, faults

_OF_SERVICES = frozenset({"persistenceMethods", "snat", "virtualPort"})
_OF_TLS = frozenset(
    {"cipherGroup", "renegotiationEnabled", "ssl3Enabled", "sslEnabled", *(f"tls1_{minor}Enabled" for minor in range(4))}
)
_CHOSEN = {
    "Endpoint_Policy": {"strategy"},
    "HTTP_Profile": {"xForwardedFor"},
    "Monitor": {"interval", "timeout"},
    "Pool": {"loadBalancingMode", "members"},
    **dict.fromkeys(("Service_HTTP", "Service_SCTP", "Service_TCP", "Service_UDP"), _OF_SERVICES),
    "Service_HTTPS": _OF_SERVICES | {"redirect80"},
    **dict.fromkeys(("TLS_Client", "TLS_Server"), _OF_TLS),
}
"""Properties by class that AS3 chooses where nobody does, in another way than is meant."""

_NOT_LOOKED_UP = {"allowVlans", "rejectVlans", "bigip"}
"""What names things of the device. Of some of them AS3 does not ask whether they are there, and nothing of ours needs any."""

_LONGEST = 65520
"""Characters of one value in the device's configuration."""

_CIPHER = re.compile(
    "DEFAULT|TLS13-(AES128-GCM-SHA256|AES256-GCM-SHA384|CHACHA20-POLY1305-SHA256)"
    "|((ECDHE-(RSA|ECDSA)|DHE-RSA)-)?(AES(128|256)(-GCM|-CBC)?-SHA(256|384)?|CHACHA20-POLY1305-SHA256)"
)
"""A single cipher. The device takes what it does not understand of a list of them for an empty list."""


def mistakes(name: str, tenant: dict[str, Any]) -> list[str]:
    """Everything that AS3 would let through. `tenant` has its secrets in it."""
    applications = [body for body in tenant.values() if isinstance(body, dict) and body.get("class") == "Application"]
    if len(applications) != 1:
        return [f"{name}: {len(applications)} applications: an empty tenant is a deletion, and addresses of several are one"]
    items: Items = {item: body for item, body in applications[0].items() if isinstance(body, dict)}
    if not items:
        return [f"{name}: nothing in it"]
    found = [text for check in _CHECKS for text in check(items)]
    return found or faults(name, tenant)


def _chosen(items: Items) -> Iterator[str]:
    probes = {body["clientTLS"]["use"] for body in items.values() if body["class"] == "Monitor" and "clientTLS" in body}
    for item, body in items.items():
        if item in probes:
            continue  # a probe may take whatever it gets
        for missing in sorted(_CHOSEN.get(body["class"], set()) - body.keys()):
            yield f"{item}: AS3 chooses {missing}"
        if body["class"].startswith("TLS_") and "ciphers" in body:
            yield f"{item}: TLS 1.3 knows no cipher strings"


def _walked(body: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    yield key, body
    if isinstance(body, dict):
        for inner, value in body.items():
            yield from _walked(value, inner)
    elif isinstance(body, list):
        for each in body:
            yield from _walked(each, key)


def _values(items: Items) -> Iterator[str]:
    for item, body in items.items():
        for key, value in _walked(body):
            if key in _NOT_LOOKED_UP:
                yield f"{item}: {key} {value!r} may not be there"
            if isinstance(value, str) and len(value) > _LONGEST:
                yield f"{item}: {key} is longer than the device takes"
            if key == "use" and len(str(value)) < 2:
                yield f"{item}: nothing can point to {value}"
            if key in ("virtualAddress", "serverAddresses", "targetAddress") and isinstance(value, str) and not _address(value):
                yield f"{item}: {key} {value!r} is no address"
        if body["class"].startswith("Service_") and "virtualPort" in body and not 0 < body["virtualPort"] < 65536:
            yield f"{item}: port {body['virtualPort']} is every port"


def _address(text: str) -> bool:
    """An address in its one spelling, maybe in a route domain. AS3 takes empty ones, masks, and numbers beyond what there are."""
    plain, mark, domain = text.partition("%")
    try:
        canonical = str(ipaddress.ip_address(plain)) == plain and not ipaddress.ip_address(plain).is_unspecified
    except ValueError:
        return False
    return canonical and (not mark or (re.fullmatch("[1-9][0-9]{0,4}", domain) is not None and int(domain) < 65535))


def _certificates(items: Items) -> Iterator[str]:
    for item, body in items.items():
        try:
            if body["class"] == "Certificate":
                own = x509.load_pem_x509_certificate(body["certificate"].encode()).public_key()
                key = load_pem_private_key(body["privateKey"].encode(), None).public_key()
                form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
                if own.public_bytes(*form) != key.public_bytes(*form):
                    yield f"{item}: certificate and key do not match"
                x509.load_pem_x509_certificates(body.get("chainCA", body["certificate"]).encode())
            elif body["class"] == "CA_Bundle":
                x509.load_pem_x509_certificates(body["bundle"].encode())
        except ValueError:
            yield f"{item}: that is not PEM"


def _ciphers(items: Items) -> Iterator[str]:
    for item, body in items.items():
        if body["class"] == "Cipher_Rule":
            yield from (f"{item}: cipher {each}" for each in body["cipherSuites"] if not _CIPHER.fullmatch(each))


def _ratios(items: Items) -> Iterator[str]:
    for item, body in items.items():
        weights = [each.get("ratio", 1) for each in body.get("members", ())] if body["class"] == "Pool" else []
        if max(weights, default=1) > 100:
            yield f"{item}: a ratio above 100"
        if len(set(weights)) > 1 and not body["loadBalancingMode"].startswith("ratio"):
            yield f"{item}: ratios that nobody looks at"


_CHECKS: tuple[Callable[[Items], Iterator[str]], ...] = (_chosen, _values, _certificates, _ciphers, _ratios)
