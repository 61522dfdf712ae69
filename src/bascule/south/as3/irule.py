"""iRules: small programs in Tcl that a device runs for a listener.

AS3 puts the text of an iRule between braces into a script of its own, which runs with every right on the device. So nothing that a
user wrote is ever part of such a text, but as letters and digits: in quotes if it is nothing else, otherwise in hexadecimal.
"""

from __future__ import annotations

import re
from typing import Any

from bascule.model.documents import digest
from bascule.south.as3 import names

_PLAIN = re.compile(r"[0-9A-Za-z/._:=?&%@~+,-]+")

CLIENT = "[getfield [IP::client_addr] % 1]"
"""The address of the client without its route domain."""

ANSWERED = "if { [HTTP::has_responded] } { return }"
"""Where a policy, or another iRule, has answered a request already, nothing may be asked of it, nor changed about it, any more: the
device would break the connection instead of giving the answer."""


def word(text: str) -> str:
    """Any text as exactly one word. BIG-IP compares bytes, so characters beyond ASCII are those of UTF-8."""
    return f'"{text}"' if _PLAIN.fullmatch(text) else f"[binary format H* {text.encode().hex()}]"


def of(listener_id: str, purpose: str, text: str) -> dict[str, Any]:
    """An iRule of one listener, by name."""
    return {names.item("ir", listener_id, purpose): {"class": "iRule", "iRule": text}}


def shared(purpose: str, text: str) -> dict[str, Any]:
    """An iRule that is the same for all who need it, by name."""
    return {f"ir_{purpose}_{digest(text)[:12]}": {"class": "iRule", "iRule": text}}
