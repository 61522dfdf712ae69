"""The TLS settings that are filled in where TLS ends and nothing was asked for."""

from __future__ import annotations

import dataclasses
from typing import TypeVar

from bascule.model.objects import Listener, Pool

# Forward-secret suites with authenticated or SHA-2 ciphers, in OpenSSL's names.
CIPHERS = ":".join(
    (
        "TLS_AES_128_GCM_SHA256",
        "TLS_AES_256_GCM_SHA384",
        "TLS_CHACHA20_POLY1305_SHA256",
        "DHE-RSA-AES128-GCM-SHA256",
        "DHE-RSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "DHE-RSA-AES128-SHA256",
        "DHE-RSA-AES256-SHA256",
        "ECDHE-RSA-AES128-SHA256",
        "ECDHE-RSA-AES256-SHA384",
    )
)
VERSIONS = ("TLSv1.2", "TLSv1.3")
ALPN_PROTOCOLS = ("h2", "http/1.1", "http/1.0")

Either = TypeVar("Either", Listener, Pool)


def with_tls_defaults(each: Either, tls: bool) -> Either:
    """A listener or pool whose TLS settings are complete where it speaks TLS, and absent where it does not."""
    if not tls:
        return dataclasses.replace(each, tls_ciphers=None, tls_versions=(), alpn_protocols=())
    return dataclasses.replace(
        each,
        tls_ciphers=each.tls_ciphers or CIPHERS,
        tls_versions=each.tls_versions or VERSIONS,
        alpn_protocols=each.alpn_protocols or ALPN_PROTOCOLS,
    )
