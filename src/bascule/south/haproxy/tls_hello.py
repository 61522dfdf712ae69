"""The first message of TLS, as a TLS-HELLO monitor sends it: the member is well if it answers with a hello of its own.

It is not a handshake. So a member that asks its clients for certificates is not found broken for want of one. One that talks TLS
and has no certificate to show is.
"""

from __future__ import annotations

import struct

ANSWER = b"\x16"
"""How an answer begins that is a handshake, and not an alert."""

_VERSIONS = bytes.fromhex("0304 0303 0302 0301")
_CIPHERS = bytes.fromhex(
    "1301 1302 1303"  # TLS 1.3
    "c02b c02f c02c c030 cca9 cca8 009e 009f c009 c013 c00a c014 009c 009d 002f 0035"  # what came before it, strongest first
    "00ff"  # a client that knows of safe renegotiation
)
_GROUPS = bytes.fromhex("001d 0017 0018 0019")
_SIGNATURES = bytes.fromhex("0403 0503 0603 0807 0808 0804 0805 0806 0809 080a 080b 0401 0501 0601 0203 0201")
_RANDOM = b"Bascule asks whether you are up."


def hello(name: str | None) -> bytes:
    """A ClientHello for TLS 1.0 to 1.3. `name` is the server name that is asked for, if any.

    No key is offered: a server of TLS 1.3 then asks for one, which is answer enough and costs it nothing.
    """
    extensions = [
        (10, _sized(2, _GROUPS)),
        (11, _sized(1, b"\0")),
        (13, _sized(2, _SIGNATURES)),
        (43, _sized(1, _VERSIONS)),
        (51, _sized(2, b"")),
    ]
    if name:
        extensions.insert(0, (0, _sized(2, b"\0" + _sized(2, name.rstrip(".").encode("ascii", "replace")))))
    listed = b"".join(struct.pack("!H", kind) + _sized(2, body) for kind, body in extensions)
    body = b"\x03\x03" + _RANDOM + _sized(1, b"") + _sized(2, _CIPHERS) + _sized(1, b"\0") + _sized(2, listed)
    return b"\x16\x03\x01" + _sized(2, b"\x01" + _sized(3, body))


def _sized(width: int, content: bytes) -> bytes:
    """Content with its length before it, in as many bytes as `width`."""
    return len(content).to_bytes(width, "big") + content
