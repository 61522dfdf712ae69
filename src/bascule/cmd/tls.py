"""TLS of the API: what is in the files is tried before the server has it, and what the server is told."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import TypedDict

from granian.constants import SSLProtocols

from bascule.cmd.process import StartError
from bascule.cmd.settings import ApiSettings


class Options(TypedDict, total=False):
    """The server's arguments."""

    ssl_cert: Path
    ssl_key: Path
    ssl_protocol_min: SSLProtocols
    ssl_ca: Path | None
    ssl_client_verify: bool


def check(api: ApiSettings) -> None:
    """Raises StartError where the files that the settings name cannot be used."""
    if not api.tls_certificate_file or not api.tls_key_file:
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for name in (api.tls_certificate_file, api.tls_key_file, api.tls_client_ca_file):
        if name:
            _readable(name)
    try:
        # Nobody is there to be asked for the password of a key.
        context.load_cert_chain(api.tls_certificate_file, api.tls_key_file, password="")
    except (ssl.SSLError, ValueError) as error:
        text = f"[api] tls_certificate_file, tls_key_file: {api.tls_certificate_file} and {api.tls_key_file} do not work together"
        raise StartError(f"{text}: {error}") from error
    try:
        context.load_verify_locations(api.tls_client_ca_file or api.tls_certificate_file)
    except ssl.SSLError as error:
        raise StartError(f"[api] tls_client_ca_file: there is no certificate in {api.tls_client_ca_file}: {error}") from error


def _readable(name: str) -> None:
    try:
        Path(name).read_bytes()
    except OSError as error:
        raise StartError(f"[api] tls_*_file: {name} cannot be read: {error.strerror}") from error


def options(api: ApiSettings) -> Options:
    """What the server is told; nothing where it is not to speak TLS."""
    if not api.tls_certificate_file or not api.tls_key_file:
        return {}
    return {
        "ssl_cert": Path(api.tls_certificate_file),
        "ssl_key": Path(api.tls_key_file),
        "ssl_protocol_min": SSLProtocols.tls12,
        "ssl_ca": Path(api.tls_client_ca_file) if api.tls_client_ca_file else None,
        "ssl_client_verify": bool(api.tls_client_ca_file),
    }


def greet(host: str, port: int) -> None:
    """Begin a TLS connection to the server. Raises OSError where it is not there yet; whether it wants us is another matter."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection((host, port), timeout=1) as connection:
        try:
            context.wrap_socket(connection).close()
        except ssl.SSLError:
            return
