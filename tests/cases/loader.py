"""The cases: each folder is one load balancer, and how every part of Bascule shows it."""

from __future__ import annotations

from pathlib import Path

from bascule.core import codec
from bascule.model.definition import ServiceDefinition
from bascule.model.secrets import Secret, SecretRef

CASES = Path(__file__).parent
NAMES = sorted(path.parent.name for path in CASES.glob("*/definition.json"))


def definition(name: str) -> ServiceDefinition:
    """The service definition of a case."""
    return codec.decode((CASES / name / "definition.json").read_text(encoding="utf-8"))


def secret(meant: SecretRef) -> Secret:
    """The content of the certificates that cases name. They are good for nothing but these tests."""
    return Secret((CASES / "certificates" / meant.ref).read_bytes())
