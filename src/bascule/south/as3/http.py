"""HTTP: what a listener needs that reads requests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bascule.model.objects import Listener, Tree
from bascule.south.as3 import ciphers, proxy, tls

_HSTS_LONGEST = 2**32 - 1
_OF_HTTP_2 = "ECDHE-RSA-AES128-GCM-SHA256"


def render(tree: Tree, listener: Listener) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a service has more than one that only passes bytes, and the items for it, by name.

    Without OneConnect BIG-IP chooses a member once for all requests of a connection, also where an L7 policy says otherwise. With
    it, connections to members are used for several clients, which those must not be that begin by telling of one.
    """
    service: dict[str, Any] = {}
    items: dict[str, Any] = {}
    if not any(proxy.speaks(pool) for pool in tree.pools_of(listener.id)):
        service["profileMultiplex"] = "basic"
    if listener.hsts_max_age is not None:
        profile = {
            "class": "HTTP_Profile",
            "xForwardedFor": False,  # else AS3 would insert it
            "hstsInsert": True,
            "hstsPeriod": listener.hsts_max_age,
            "hstsIncludeSubdomains": listener.hsts_include_subdomains,
            "hstsPreload": listener.hsts_preload,
        }
        name = f"http_{listener.hsts_max_age:d}_{listener.hsts_include_subdomains:d}_{listener.hsts_preload:d}"
        service["profileHTTP"] = {"use": name}
        items[name] = profile
    if tls.ends(listener) and tls.HTTP_2 in listener.alpn_protocols:
        # A device refuses a listener without the cipher that all who speak HTTP/2 have to know, unless it is told not to look.
        strict = ciphers.has(listener, _OF_HTTP_2)
        name = "http2" if strict else "http2_any_tls"
        service["profileHTTP2"] = {"ingress": {"use": name}}
        items[name] = {"class": "HTTP2_Profile", "activationMode": "alpn", "enforceTlsRequirements": strict}
    return service, items


def refuse(listener: Listener) -> Iterator[str]:
    """What of HTTP cannot be carried."""
    if (listener.hsts_max_age or 0) > _HSTS_LONGEST:
        yield f"hsts_max_age can be 0 to {_HSTS_LONGEST} seconds."
