"""bigip-emulator: an emulated BIG-IP, for trying things out before a device sees them."""

from __future__ import annotations

import argparse
import logging
import os
import secrets
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from bigip_emulator import tls
from bigip_emulator.cluster import Group
from bigip_emulator.dataplane.plane import DataPlane
from bigip_emulator.device import Settings
from bigip_emulator.emulator import Emulator

PASSWORD = "BIGIP_EMULATOR_PASSWORD"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="bigip-emulator", description="An emulated F5 BIG-IP: iControl REST and AS3 over HTTPS.")
    made.add_argument("--listen", default="127.0.0.1", metavar="ADDRESS", help="address to listen on (127.0.0.1)")
    made.add_argument("--port", type=int, default=8443, help="port to listen on; 0 lets the kernel choose (8443)")
    made.add_argument("--hostname", default="bigip.localdomain", help="the device's name (bigip.localdomain)")
    made.add_argument("--user", default="admin", help="who may log in (admin)")
    made.add_argument(
        "--password-file",
        type=Path,
        metavar="FILE",
        help=f"file with the password; without it the variable {PASSWORD}, or else a new one, which is printed",
    )
    made.add_argument(
        "--certificate", type=Path, metavar="FILE", help="the server's certificate, PEM (one is made and signed by itself)"
    )
    made.add_argument("--key", type=Path, metavar="FILE", help="its key, PEM, if it is in another file")
    made.add_argument(
        "--write-certificate", type=Path, metavar="FILE", help="where to put the certificate that was made, for clients"
    )
    made.add_argument("--state", type=Path, metavar="FILE", help="keep the saved configuration in this file, and start with it")
    made.add_argument("--speed", type=float, default=1.0, help="how many of the device's seconds pass in one of ours (1)")
    made.add_argument("--tokens", type=int, default=100, help="how many tokens a user may have at once (100)")
    made.add_argument("--as3-start", type=float, default=0.0, metavar="SECONDS", help="how long AS3 takes to load (0)")
    made.add_argument("--apply-time", type=float, default=0.0, metavar="SECONDS", help="how long applying one tenant takes (0)")
    made.add_argument("--peer", default="", metavar="URL", help="the other device of the group; it has the same user and password")
    made.add_argument("--device-group", default="device-group-1", metavar="NAME", help="the group's name (device-group-1)")
    made.add_argument("--manual-sync", action="store_true", help="send the configuration to the other device only when asked to")
    made.add_argument("--data-plane", action="store_true", help="carry real traffic on loopback addresses, through a HAProxy")
    made.add_argument(
        "--haproxy", type=Path, metavar="FILE", help="the HAProxy of the data plane (the one in PATH, or that of a wheel)"
    )
    made.add_argument("--verbose", action="store_true", help="log every request, without its content")
    return made


def _password(file: Path | None) -> tuple[str, bool]:
    """The password, and whether it is a new one."""
    if file is not None:
        return file.read_text().strip(), False
    given = os.environ.get(PASSWORD)
    return (given, False) if given else (secrets.token_urlsafe(12), True)


def main(argv: Sequence[str] | None = None) -> int:
    """Run an emulator until it is told to stop."""
    arguments = parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO if arguments.verbose else logging.WARNING, format="%(asctime)s %(message)s")
    try:
        password, new = _password(arguments.password_file)
        settings = Settings(
            hostname=arguments.hostname,
            users={arguments.user: password},
            speed=arguments.speed,
            tokens=arguments.tokens,
            state=arguments.state,
            as3_start=arguments.as3_start,
            apply=arguments.apply_time,
        )
        group = Group(arguments.device_group, arguments.peer, not arguments.manual_sync)
        context = tls.context(
            arguments.certificate, arguments.key, arguments.hostname, arguments.listen, arguments.write_certificate
        )
        emulator = Emulator(settings, group, (arguments.listen, arguments.port), context)
        plane = DataPlane(emulator.device, emulator.cluster, arguments.haproxy) if arguments.data_plane else None
    except (OSError, ValueError) as problem:
        print(f"bigip-emulator: {problem}", file=sys.stderr)
        return 1
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    emulator.start()
    if plane is not None:
        plane.start()
    host = f"[{arguments.listen}]" if ":" in arguments.listen else arguments.listen
    shown = password if new else "(as given)"
    print(
        f"{arguments.hostname} is ready: https://{host}:{emulator.server.port} user {arguments.user} password {shown}", flush=True
    )
    done.wait()
    emulator.stop()
    if plane is not None:
        plane.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
