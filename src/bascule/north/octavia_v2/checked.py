"""Text of certain forms: ids, addresses, networks. It is checked, and written in its usual form, when a body is read."""

from __future__ import annotations

import ipaddress
import uuid
from typing import Any, ClassVar


class Checked(str):
    """Text of a certain form."""

    __slots__ = ()

    form: ClassVar[dict[str, Any]]
    """The form in JSON Schema, as far as that has words for it."""

    expected: ClassVar[str]
    """The form in the words of the original API."""

    @classmethod
    def usual(cls, text: str) -> str:
        """The usual way to write this text. Raises ValueError where it has not the form."""
        raise NotImplementedError


class Uuid(Checked):
    """A UUID, written with lower-case letters and dashes."""

    __slots__ = ()
    form: ClassVar[dict[str, Any]] = {"format": "uuid"}
    expected = "Value should be UUID format"

    @classmethod
    def usual(cls, text: str) -> str:
        return str(uuid.UUID(text))


class IpAddress(Checked):
    """An IPv4 or IPv6 address."""

    __slots__ = ()
    form: ClassVar[dict[str, Any]] = {"anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]}
    expected = "Value should be IPv4 or IPv6 format"

    @classmethod
    def usual(cls, text: str) -> str:
        if "%" in text:
            raise ValueError(text)
        return str(ipaddress.ip_address(text))


class Cidr(Checked):
    """A network. A lone address is the network of just that address."""

    __slots__ = ()
    form: ClassVar[dict[str, Any]] = {"pattern": "^[0-9A-Fa-f.:]+(/[0-9]+)?$"}
    expected = "Value should be IPv4 or IPv6 CIDR format"

    @classmethod
    def usual(cls, text: str) -> str:
        if "%" in text:
            raise ValueError(text)
        return str(ipaddress.ip_network(text, strict=False))


def check(kind: type[Checked], value: Any) -> Checked:
    """The text that a value in a body stands for. Raises ValueError. Decoders call this for all types they do not know."""
    try:
        return kind(kind.usual(value))
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(kind.expected) from error


def schema(kind: type) -> dict[str, Any]:
    """The JSON Schema of a checked text."""
    assert issubclass(kind, Checked)
    return {"type": "string", **kind.form}
