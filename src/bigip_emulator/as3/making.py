"""What the makers of objects share: where they are, and what they have made so far."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

from bigip_emulator.as3.checks import absolute
from bigip_emulator.as3.structure import Declaration
from bigip_emulator.objects import Key, Object
from bigip_emulator.web import Json


class Making:
    """One tenant on its way from declaration to objects."""

    def __init__(self, tenant: str, domain: int) -> None:
        self.tenant = tenant
        self.domain = domain
        """The default route domain."""
        self.application = ""
        self.label: Declaration = {}
        """The application that is being made."""
        self.made: dict[Key, Object] = {}

    def path(self, name: str) -> str:
        return f"/{self.tenant}/{self.application}/{name}"

    def add(self, kind: str, path: str, parts: Any = None, **properties: Any) -> Object:
        """Make an object. What is None is left out. A second one of the same name replaces the first, as on the device."""
        made = Object(kind, path, {name: value for name, value in properties.items() if value is not None}, parts or {})
        self.made[made.key] = made
        return made

    def pointed(self, value: Json) -> str:
        """The full path of what a pointer names, in whatever form it is written."""
        if isinstance(value, dict) and "bigip" in value:
            return str(value["bigip"])
        text = value["use"] if isinstance(value, dict) else value
        return absolute(text, self.path(""))


def on(flag: Json) -> str:
    """A switch as most of the device writes it."""
    return "enabled" if flag else "disabled"


def yes(flag: Json) -> str:
    """A switch as some of the device writes it."""
    return "yes" if flag else "no"


def string(value: Json) -> str | None:
    """A text that may come in several forms; None for one that has to be fetched or is on the device already."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and "base64" in value:
        try:
            return base64.b64decode(value["base64"]).decode()
        except (binascii.Error, ValueError):
            return ""
    return value.get("text") if isinstance(value, dict) else None


Maker = Callable[[Making, str, Declaration], None]
"""Makes the objects of one item, which has a name."""
