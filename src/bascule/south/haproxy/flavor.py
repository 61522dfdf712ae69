"""What flavors can say of the processes of a load balancer."""

from __future__ import annotations

from collections.abc import Iterator

from bascule.model.offers import Capability, Data

CAPABILITIES = (
    Capability(
        name="max_connections",
        description="Most connections of clients that the load balancer has at a time, over all its listeners. More have to wait.",
        most=40000,  # each takes two of the file descriptors that a process may have
    ),
    Capability(name="threads", description="Threads that carry the load balancer's traffic.", most=64),
)


def for_all(flavor: Data) -> Iterator[str]:
    """The lines in the section for the whole process."""
    for capability, keyword in (("max_connections", "maxconn"), ("threads", "nbthread")):
        if (value := flavor.get(capability)) is not None:
            yield f"{keyword} {int(value)}"
