"""What the device asks of TLS to clients where HTTP/2 is spoken over it, unless the profile says not to look."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from bigip_emulator.objects import DeviceError, Object, Store

CIPHER = "ECDHE-RSA-AES128-GCM-SHA256"
"""What everybody who speaks HTTP/2 has to know."""

_TLS = ("ltm/profile/http2", "ltm/profile/client-ssl", "ltm/cipher/group", "ltm/cipher/rule")
_SINGLE = re.compile(r"[A-Z0-9]+(-[A-Z0-9]+)+")
"""The name of one cipher, as opposed to that of many."""


def check(store: Store, puts: Collection[Object]) -> None:
    """Whether every virtual server that these changes concern may speak HTTP/2. Raises DeviceError."""
    concerned = store.of("ltm/virtual") if any(made.kind in _TLS for made in puts) else puts
    for virtual in concerned:
        if virtual.kind == "ltm/virtual" and any(_enforces(each) for each in _profiles(store, virtual, "ltm/profile/http2")):
            _virtual(store, virtual)


def _profiles(store: Store, virtual: Object, kind: str) -> Iterator[Object]:
    """The profiles of a kind that a virtual server has for its clients."""
    for path, part in virtual.parts.get("profiles", {}).items():
        found = store.get(kind, path) if part.get("context") != "serverside" else None
        if found is not None:
            yield found


def _enforces(profile: Object) -> bool:
    return bool(profile.properties.get("enforceTlsRequirements", "enabled") == "enabled")


def _virtual(store: Store, virtual: Object) -> None:
    for profile in _profiles(store, virtual, "ltm/profile/client-ssl"):
        problem = ""
        if profile.properties.get("renegotiation", "enabled") != "disabled":
            problem = "renegotiation must be disabled"
        elif not _has(_ciphers(store, profile)):
            problem = f"cipher {CIPHER} must be enabled"
        if problem:
            raise DeviceError(
                f"01070734:3: Configuration error: In Virtual Server ({virtual.path}) an http2 profile with "
                f"enforce-tls-requirements enabled is incompatible with clientssl profile '{profile.path}'; {problem}"
            )


def _ciphers(store: Store, profile: Object) -> list[str]:
    """The lists of ciphers of a profile: its own, or those of its group."""
    group = store.get("ltm/cipher/group", profile.properties.get("cipherGroup", "none"))
    if group is None:
        return [str(profile.properties.get("ciphers", "DEFAULT"))]
    rules = [store.get("ltm/cipher/rule", path) for path in group.properties.get("allow", [])]
    return [str(rule.properties.get("cipher", "DEFAULT")) for rule in rules if rule is not None]


def _has(lists: Collection[str]) -> bool:
    """Whether the lists have the cipher. Words that stand for many are taken to."""
    words = [word for text in lists for word in text.split(":")]
    return f"!{CIPHER}" not in words and any(word == CIPHER or not _SINGLE.fullmatch(word.lstrip("!-+")) for word in words)
