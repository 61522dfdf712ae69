"""Try to create something, and see what is answered."""

from __future__ import annotations

import itertools
from typing import Any

from tests.api.bascule import Client

LISTENERS = ["HTTP", "HTTPS", "PROMETHEUS", "SCTP", "TCP", "TERMINATED_HTTPS", "UDP"]
POOLS = ["HTTP", "HTTPS", "PROXY", "PROXYV2", "SCTP", "TCP", "UDP"]

_ports = itertools.count(1)


def tls(protocol: str) -> dict[str, Any]:
    """What a listener of a protocol cannot be without."""
    return {"default_tls_container_ref": "all.pem"} if protocol == "TERMINATED_HTTPS" else {}


def listener(protocol: str, **more: Any) -> dict[str, Any]:
    return {"protocol": protocol, "protocol_port": next(_ports)} | tls(protocol) | more


def status(api: Client, path: str, root: str, **attributes: Any) -> int:
    """What trying to create something is answered with. What was created is deleted again."""
    answer = api.post(path, {root: attributes})
    if answer.status == 201:
        assert api.delete(f"{path}/{answer.body[root]['id']}").status == 204
    else:
        assert answer.fault
    return answer.status


def listening(api: Client, lb: str, protocol: str, **more: Any) -> int:
    return status(api, "/listeners", "listener", loadbalancer_id=lb, **listener(protocol, **more))


def differences(found: dict[Any, int], wanted: dict[Any, int]) -> dict[Any, tuple[int, int]]:
    """Where the answers are not the wanted ones."""
    assert found.keys() == wanted.keys()
    return {key: (found[key], wanted[key]) for key in found if found[key] != wanted[key]}
