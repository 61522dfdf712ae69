"""Rules for members."""

from __future__ import annotations

from collections.abc import Iterator

from bascule.model.errors import Conflict, NotFound, Refused
from bascule.model.objects import Kind, Member, Tree


def check(tree: Tree, member: Member) -> Iterator[Refused]:
    """Refusals of a member of a pool that is not there."""
    if tree.pool(member.pool_id) is None:
        yield NotFound(Kind.POOL, member.pool_id)


def check_duplicates(tree: Tree) -> Iterator[Refused]:
    """Refusals of two members of one pool on one address and port."""
    taken = set()
    for member in tree.members:
        place = member.pool_id, member.address, member.protocol_port
        if place in taken:
            yield Conflict(
                f"Another member on this pool is already using ip {member.address} on protocol_port {member.protocol_port}"
            )
        taken.add(place)
