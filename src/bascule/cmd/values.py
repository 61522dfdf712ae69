"""Reading the values of options, with errors that name the option and say what is allowed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from oslo_config import cfg


class SettingsError(Exception):
    """A setting that cannot be used. The text names the option and says what is allowed."""


def values(conf: cfg.ConfigOpts, group: str | None, names: Iterable[str]) -> dict[str, Any]:
    """The values of options of a section, None being [DEFAULT]; lists as tuples. Raises SettingsError."""
    found: dict[str, Any] = {}
    for name in names:
        try:
            value = (conf[group] if group else conf)[name]
        except (cfg.Error, ValueError) as error:
            # The library's text names the option and the file in its own way first.
            reason = str(error).split(" is not valid: ", 1)[-1]
            raise SettingsError(f"[{group or 'DEFAULT'}] {name}: {reason}") from error
        found[name] = tuple(value) if isinstance(value, list) else value
    return found
