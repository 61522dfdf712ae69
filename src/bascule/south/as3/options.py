"""What an operator decides of declarations. Nobody but the operator sees these."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Snat(StrEnum):
    """Which address a member sees as the client's: a self IP of the BIG-IP, that of the VIP, or one of an operator's pool."""

    AUTOMAP = "automap"
    SELF = "self"
    POOL = "pool"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`snat_pool` is the full path of a SNAT pool that the operator made, such as /Common/outside, and is needed for POOL.

    `regular_expressions` lets L7 rules with compare_type REGEX run: one that takes long holds up everybody on the device.
    """

    snat: Snat = Snat.AUTOMAP
    snat_pool: str = ""
    regular_expressions: bool = False
