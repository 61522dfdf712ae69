"""The official schema of AS3, where it is at hand. It is no part of Bascule: tests that need it are skipped without it.

It judges shape only.
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
BESIDE = Path(__file__).parents[2] / "shared" / "as3"
"""A folder beside the checkout, for those who would rather not set the variable."""

MISSING = (
    f"NOTHING IS CHECKED AGAINST THE OFFICIAL SCHEMA OF AS3: {VARIABLE} does not name its file, "
    "and there is no as3-schema-*.json in shared/as3 beside the checkout"
)

_PATH = re.compile(r"/[^\x00-\x1f\"'#*<>?\[\]{}|\\]+")


def path() -> Path | None:
    """The file, or None where it is not at hand."""
    if named := os.environ.get(VARIABLE):
        return Path(named)
    return max(BESIDE.glob("as3-schema-*.json"), default=None)


@cache
def definitions() -> dict[str, Any]:
    """The schema's definitions. Skips the test where there is no schema."""
    file = path()
    if file is None:
        pytest.skip(MISSING)
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))["definitions"]
    return found


def errors(declaration: dict[str, Any]) -> list[str]:
    """What the schema has against a declaration. Skips the test where there is no schema."""
    found = _validator().iter_errors(declaration)
    return [f"/{'/'.join(map(str, error.instance_path))}: {error.message}" for error in found]


@cache
def _validator() -> jsonschema_rs.Draft7Validator:
    root = {"$schema": "http://json-schema.org/draft-07/schema#", "$ref": "#/definitions/ADC", "definitions": definitions()}
    formats = {"f5ip": _is_address, "f5bigip": lambda text: _PATH.fullmatch(text) is not None, "f5pointer": lambda text: True}
    return jsonschema_rs.Draft7Validator(root, formats=formats, validate_formats=True, ignore_unknown_formats=False, mask="***")


def _is_address(text: str) -> bool:
    bare = re.sub(r"/[0-9]+$", "", text)
    try:
        ipaddress.ip_address(re.sub(r"%[0-9]+$", "", bare))
    except ValueError:
        return not text
    return True
