"""Addresses as the device writes them: with a route domain, with the word `any`, joined with a port."""

from __future__ import annotations

import ipaddress
import re


class NoAddress(ValueError):
    """A text that is no address. AS3 lets an empty one pass."""


_WILDCARDS = {"0.0.0.0": "any", "::": "any6"}


def split(text: str) -> tuple[str, str, str]:
    """Address, route domain and prefix length of `10.0.0.1%5/24`; the last two may be empty."""
    address, _, length = text.partition("/")
    address, _, domain = address.partition("%")
    return address, domain, length


def short(text: str) -> str:
    """The address in its shortest form, in lower case, with its route domain unless that is 0, without prefix length.

    Raises NoAddress.
    """
    address, domain, _ = split(text)
    if address not in ("any", "any6"):
        try:
            address = str(ipaddress.ip_address(address))
        except ValueError:
            raise NoAddress(text) from None
    return f"{address}%{domain}" if domain not in ("", "0") else address


def device(text: str) -> str:
    """As `short`, but with the wildcards as the device calls them."""
    address, _, domain = short(text).partition("%")
    address = _WILDCARDS.get(address, address)
    return f"{address}%{domain}" if domain else address


def mask(text: str) -> str:
    """The mask that goes with an address or a network."""
    address, _, length = split(text)
    if address in ("any", "any6") or (address in _WILDCARDS and not length):
        return _WILDCARDS.get(address, address)
    parsed = ipaddress.ip_address(address)
    return str(ipaddress.ip_network((parsed, int(length or parsed.max_prefixlen)), strict=False).netmask)


def with_port(path: str, port: int | str) -> str:
    """An address, or the path of one, with a port or `*`: after a dot where it looks like IPv6, else after a colon."""
    return f"{path}{'.' if ':' in path or path.endswith('any6') else ':'}{port}"


def without_port(destination: str) -> tuple[str, int]:
    """The opposite of `with_port`."""
    match = re.fullmatch(r"(.*)[.:](\d+|any)", destination)
    if match is None:
        raise ValueError(destination)
    return match[1], 0 if match[2] == "any" else int(match[2])


def is_f5ip(text: str) -> bool:
    """Whether AS3 takes it for an address: empty, or IPv4 or IPv6 with an optional route domain and length."""
    match = re.fullmatch(r"([^%/]+)(?:%(\d+))?(?:/(\d+))?", text)
    if not text:
        return True
    if match is None:
        return False
    try:
        parsed = ipaddress.ip_address(match[1])
    except ValueError:
        return False
    return int(match[2] or 0) <= 65535 and int(match[3] or 0) <= parsed.max_prefixlen
