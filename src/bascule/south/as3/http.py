"""HTTP: what a listener needs that reads requests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bascule.model.objects import Listener, Tree
from bascule.south.as3 import proxy, tls

_HSTS_LONGEST = 2**32 - 1


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
        service["profileHTTP2"] = {"ingress": {"use": "http2"}}
        items["http2"] = {"class": "HTTP2_Profile", "activationMode": "alpn"}
    return service, items


def refuse(listener: Listener) -> Iterator[str]:
    """What of HTTP cannot be carried."""
    if (listener.hsts_max_age or 0) > _HSTS_LONGEST:
        yield f"hsts_max_age can be 0 to {_HSTS_LONGEST} seconds."
