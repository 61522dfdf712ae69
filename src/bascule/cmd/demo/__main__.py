"""Runs the demo: `python -m bascule.cmd.demo [--once] [--port N] [--state-dir DIRECTORY]`."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from bascule.cmd.demo import DemoFailed
from bascule.cmd.demo.place import PORT, Place
from bascule.cmd.demo.stage import stage
from bascule.cmd.demo.story import Story
from bascule.cmd.demo.terminal import Terminal

ROOT = Path(__file__).resolve().parents[4]
"""The checkout, where the examples are."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo. Gives 0 if everything that it shows has really happened, 1 if not, 130 if it was interrupted."""
    arguments = _parser().parse_args(argv)
    terminal = Terminal()
    place = Place(arguments.state_dir.absolute(), arguments.port)
    # Told to stop by the system, or left alone by the terminal, it cleans up as on Ctrl-C.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    told = False
    try:
        with stage(place, terminal) as props:
            Story(place, ROOT / "examples", terminal).tell(props)
            told = True
            if not arguments.once:
                terminal.say("\nServing until Ctrl-C, which deletes the load balancers and leaves nothing running.")
                signal.pause()
    except DemoFailed as error:
        if isinstance(error.__context__, DemoFailed):  # and cleaning up after it failed as well
            terminal.bad(str(error.__context__))
        terminal.bad(str(error))
        return 1
    except KeyboardInterrupt:
        return 0 if told else 130
    terminal.say("\nAll of it happened, and nothing of it is left running.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./run demo", description="Show load balancers that carry real traffic.")
    parser.add_argument("--once", action="store_true", help="clean up and exit at the end: 0 if everything happened")
    parser.add_argument(
        "--port", type=_port, default=PORT, help="port of the API; the demo takes the next six as well (%(default)s)"
    )
    parser.add_argument(
        "--state-dir", type=Path, default=ROOT / ".bascule/demo", help="directory of the demo's state (%(default)s)"
    )
    return parser


def _port(text: str) -> int:
    port = int(text)
    if not 1024 <= port <= 65529:
        raise argparse.ArgumentTypeError("it must be from 1024 to 65529")
    return port


if __name__ == "__main__":
    sys.exit(main())
