"""Ciphers, by the names that BIG-IP has for them.

It has a language of its own for lists of ciphers, in which much of OpenSSL's means something else or nothing at all, and takes what
means nothing for an empty list. So only the names of single ciphers are carried over.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bascule.model.objects import Listener, Pool
from bascule.south.as3 import names

_SAME = (
    "AES128-GCM-SHA256",
    "AES128-SHA",
    "AES128-SHA256",
    "AES256-GCM-SHA384",
    "AES256-SHA",
    "AES256-SHA256",
    "DHE-RSA-AES128-GCM-SHA256",
    "DHE-RSA-AES128-SHA",
    "DHE-RSA-AES128-SHA256",
    "DHE-RSA-AES256-GCM-SHA384",
    "DHE-RSA-AES256-SHA",
    "DHE-RSA-AES256-SHA256",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-ECDSA-AES128-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES256-SHA",
    "ECDHE-ECDSA-AES256-SHA384",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-SHA384",
)
_NAMES = {
    **{each: each for each in _SAME},
    "ECDHE-ECDSA-CHACHA20-POLY1305": "ECDHE-ECDSA-CHACHA20-POLY1305-SHA256",
    "ECDHE-RSA-AES128-SHA": "ECDHE-RSA-AES128-CBC-SHA",
    "ECDHE-RSA-AES256-SHA": "ECDHE-RSA-AES256-CBC-SHA",
    "ECDHE-RSA-CHACHA20-POLY1305": "ECDHE-RSA-CHACHA20-POLY1305-SHA256",
    "TLS_AES_128_GCM_SHA256": "TLS13-AES128-GCM-SHA256",
    "TLS_AES_256_GCM_SHA384": "TLS13-AES256-GCM-SHA384",
    "TLS_CHACHA20_POLY1305_SHA256": "TLS13-CHACHA20-POLY1305-SHA256",
}
_DEFAULT = ["DEFAULT"]


def name(each: Listener | Pool) -> str:
    """The item of the ciphers of a listener or pool. Those that ask for none share one."""
    return names.item("cg", each.id) if each.tls_ciphers else "cg_default"


def render(each: Listener | Pool) -> dict[str, Any]:
    """The items of the ciphers, by name. It takes a group to have ciphers of TLS 1.3 at all."""
    wanted = [_NAMES[one] for one in _single(each.tls_ciphers)] if each.tls_ciphers else _DEFAULT
    rule = name(each).replace("cg_", "cr_", 1)
    return {
        name(each): {"class": "Cipher_Group", "allowCipherRules": [{"use": rule}]},
        rule: {"class": "Cipher_Rule", "cipherSuites": wanted},
    }


def _single(ciphers: str) -> list[str]:
    return list(dict.fromkeys(ciphers.split(":")))


def has(each: Listener | Pool, cipher: str) -> bool:
    """Whether a cipher is among those of a listener or pool. All are where none is asked for."""
    return not each.tls_ciphers or cipher in _single(each.tls_ciphers)


def refuse(each: Listener | Pool) -> Iterator[str]:
    """Ciphers that cannot be carried."""
    if unknown := [one for one in _single(each.tls_ciphers or "") if one not in _NAMES and each.tls_ciphers]:
        yield f"tls_ciphers {unknown[0]!r} is not possible; possible are, joined by colons, {', '.join(sorted(_NAMES))}."
