"""Certificates with their keys, and lists of authorities: an item for each of those that a listener or pool uses.

An item is named after the object that uses it and the reference it uses, so its name stays when the content changes, and what the
device says of it tells whose fault bad content is.
"""

from __future__ import annotations

from typing import Any

from bascule.model.definition import ServiceDefinition
from bascule.model.documents import digest
from bascule.south.as3 import names
from bascule.south.as3.secrets import Part, stand_in


def name(owner_id: str, ref: str) -> str:
    """The item of a certificate."""
    return names.item("crt", owner_id, digest(ref)[:12])


def authorities_name(owner_id: str, ref: str) -> str:
    """The item of a list of authorities."""
    return names.item("ca", owner_id, digest(ref)[:12])


def render(definition: ServiceDefinition, owner_id: str, ref: str) -> dict[str, Any]:
    """A certificate with its key, by name. Raises KeyError for a reference that the definition does not resolve."""
    meant = definition.secret(owner_id, ref)
    body = {
        "class": "Certificate",
        "certificate": stand_in(meant, Part.CERTIFICATE),
        "privateKey": stand_in(meant, Part.KEY),
        "chainCA": stand_in(meant, Part.CHAIN),
    }
    return {name(owner_id, ref): body}


def authorities(definition: ServiceDefinition, owner_id: str, ref: str) -> dict[str, Any]:
    """A list of authorities, by name. Raises KeyError as `render` does."""
    body = {"class": "CA_Bundle", "bundle": stand_in(definition.secret(owner_id, ref), Part.ALL)}
    return {authorities_name(owner_id, ref): body}
