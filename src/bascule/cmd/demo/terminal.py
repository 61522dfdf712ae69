"""What the demo says: plain lines that read the same on a terminal and in a log, a little coloured on a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

_BAR = 40
"""Characters: the length of the longest bar."""


class Terminal:
    """Writes to standard output, line by line and at once."""

    def __init__(self) -> None:
        self._coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def heading(self, text: str) -> None:
        """What comes next."""
        self.say("")
        self.say(self._paint("1;36", f"== {text}"))

    def say(self, text: str) -> None:
        """One line, or several. Raises KeyboardInterrupt, once, when nobody can read it any more."""
        try:
            print(text, flush=True)
        except OSError:
            # The terminal was closed, or the pipe to `head`. There is still something to be cleaned up.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise KeyboardInterrupt from None

    def command(self, text: str) -> None:
        """A command that is being run, as one would type it."""
        self.say(self._paint("1", f"$ {text}"))

    def good(self, text: str) -> None:
        """Something that was checked and is so."""
        self.say(f"   {self._paint('32', 'ok')}  {text}")

    def bad(self, text: str) -> None:
        """What went wrong."""
        self.say(self._paint("1;31", f"FAILED: {text}"))

    def spread(self, counted: Mapping[str, int]) -> None:
        """How many answers came from whom, as numbers and bars."""
        most = max(counted.values(), default=0) or 1
        width = max((len(name) for name in counted), default=0)
        for name, count in counted.items():
            self.say(f"   {name:<{width}}  {count:>4}  {'#' * round(_BAR * count / most)}".rstrip())

    def _paint(self, code: str, text: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self._coloured else text
