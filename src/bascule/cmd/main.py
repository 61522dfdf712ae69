"""bascule: everything on one machine, and what operators ask of it on the command line."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Sequence

from oslo_config import cfg

from bascule.cmd import device, http_basic, plan, process, serve
from bascule.cmd.settings import Settings

NAME = "bascule"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Gives the exit status."""
    parser = argparse.ArgumentParser(prog=NAME, description="A load balancer service on this machine.")
    commands = parser.add_subparsers(metavar="COMMAND", dest="command", required=True)
    text = "run the API, a worker, a health manager and housekeeping, and stop them all on Ctrl-C or SIGTERM"
    serving = commands.add_parser("serve", help=text, description=text)
    text = "print what the next pass over a load balancer would change, and change nothing"
    planning = commands.add_parser("plan", help=text, description=text)
    planning.add_argument("load_balancer", metavar="LB", help="id or name of the load balancer")
    text = "see and look after what carries load balancers: device groups, and hosts with HAProxy"
    device.add_arguments(commands.add_parser("device", help=text, description=text))
    for command in (serving, planning):
        process.add_config_file(command)
    text = "ask for a password, or read one line, and print its hash for the file of users of http_basic"
    commands.add_parser("hash-password", help=text, description=text)
    arguments = parser.parse_args(argv)
    if arguments.command == "hash-password":
        return hash_password()

    def body(_conf: cfg.ConfigOpts, settings: Settings) -> int:
        if arguments.command == "plan":
            return plan.run(settings, arguments.load_balancer)
        if arguments.command == "device":
            return device.run(settings, arguments)
        return serve.run(settings)

    return process.run(NAME, arguments.config_file, body)


def hash_password() -> int:
    """Print the hash of a password. Gives the exit status."""
    if sys.stdin.isatty():
        password = getpass.getpass()
        if password != getpass.getpass("Once more: "):
            print("The two are not the same.", file=sys.stderr)
            return 1
    else:
        password = sys.stdin.readline().rstrip("\n")
    if not password:
        print("A password must not be empty.", file=sys.stderr)
        return 1
    print(http_basic.hashed(password))
    return 0


if __name__ == "__main__":
    sys.exit(main())
