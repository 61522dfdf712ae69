"""How the door asks who calls, and whether they may do what they ask for. The answers are given outside of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from bascule.model.objects import Kind
from bascule.north.octavia_v2.errors import Malformed

PREFIX = "os_load-balancer_api:"
"""What the names of all policies begin with, outside of the door."""

GET_ONE = {
    Kind.LOAD_BALANCER: "loadbalancer:get_one",
    Kind.LISTENER: "listener:get_one",
    Kind.POOL: "pool:get_one",
    Kind.MEMBER: "member:get_one",
    Kind.HEALTH_MONITOR: "healthmonitor:get_one",
    Kind.L7POLICY: "l7policy:get_one",
    Kind.L7RULE: "l7rule:get_one",
}
"""What allows to see an object."""


class Access(Protocol):
    """Who calls, and what they may do. `environ` is the WSGI environment of their request."""

    def project_id(self, environ: Mapping[str, Any]) -> str | None:
        """The project that a caller speaks for; None for one who speaks for none."""

    def allows(self, environ: Mapping[str, Any], policy: str, project_id: str | None) -> bool:
        """Whether a caller may do this, a policy without `PREFIX`, to what belongs to a project."""


def denied() -> Malformed:
    """The refusal of what a caller may not do."""
    return Malformed("Policy does not allow this request to be performed.", 403)
