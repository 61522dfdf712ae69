"""The official schema of AS3, where it is at hand: the variable BASCULE_AS3_SCHEMA names its file. It is no part of Bascule.

It judges shape only. What it does not see is in `checks`.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

VARIABLE = "BASCULE_AS3_SCHEMA"

_PATH = re.compile(r"/[^\x00-\x1f\"'#*<>?\[\]{}|\\]+")


def _is_address(text: str) -> bool:
    bare = re.sub(r"/[0-9]+$", "", text)
    try:
        ipaddress.ip_address(re.sub(r"%[0-9]+$", "", bare))
    except ValueError:
        return not text
    return True


_FORMATS = {"f5ip": _is_address, "f5bigip": lambda text: _PATH.fullmatch(text) is not None, "f5pointer": lambda text: True}


@cache
def _validator(path: Path) -> jsonschema_rs.Draft7Validator:
    schema = json.loads(path.read_text(encoding="utf-8"))
    declaration = {"$schema": schema["$schema"], "$ref": "#/definitions/ADC", "definitions": schema["definitions"]}
    return jsonschema_rs.Draft7Validator(
        declaration, formats=_FORMATS, validate_formats=True, ignore_unknown_formats=False, mask="***"
    )


def errors(tenants: dict[str, Any]) -> list[str]:
    """What the schema has against a declaration of these tenants. Skips the test where there is no schema."""
    path = os.environ.get(VARIABLE)
    if not path:
        pytest.skip(f"the official schema of AS3 is not at hand: {VARIABLE} does not name its file")
    declaration = {"class": "ADC", "schemaVersion": "3.50.0", "id": "x", "updateMode": "selective", **tenants}
    found = _validator(Path(path)).iter_errors(declaration)
    return [f"/{'/'.join(map(str, error.instance_path))}: {error.message}" for error in found]
