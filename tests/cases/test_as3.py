"""Every case as the declaration of an AS3 tenant, or why BIG-IP cannot carry it."""

from __future__ import annotations

import json

import pytest

from bascule.south.as3.names import tenant_name
from bascule.south.as3.options import Options
from bascule.south.as3.render import refuse, render
from bascule.south.as3.secrets import filled
from tests import as3_schema
from tests.cases import loader
from tests.cases.conftest import Golden
from tests.south.as3 import accepted

OPTIONS = Options(regular_expressions=True)

CARRIED = [name for name in loader.NAMES if not refuse(loader.definition(name).tree, OPTIONS)]


@pytest.mark.parametrize("case", loader.NAMES)
def test_declaration(case: str, golden: Golden) -> None:
    """Carried, or refused with a reason; never both."""
    definition = loader.definition(case)
    folder = loader.CASES / case
    if golden.refused(folder / "as3-refused.json", refuse(definition.tree, OPTIONS)):
        golden.absent(folder / "as3.json")
    else:
        ((name, body),) = render(definition, OPTIONS).items()
        golden.check(folder / "as3.json", json.dumps({name: json.loads(body)}, indent=2) + "\n")


@pytest.mark.parametrize("case", CARRIED)
def test_the_official_schema_accepts(case: str) -> None:
    documents = render(loader.definition(case), OPTIONS)
    tenants = {name: filled(body, loader.secret) for name, body in documents.items()}
    declaration = {"class": "ADC", "schemaVersion": "3.50.0", "id": "x", "updateMode": "selective", **tenants}
    assert as3_schema.errors(declaration) == []


@pytest.mark.parametrize("case", CARRIED)
def test_nothing_else_is_wrong_with(case: str) -> None:
    definition = loader.definition(case)
    ((name, body),) = render(definition, OPTIONS).items()
    assert name == tenant_name(definition.tree.id)
    assert accepted.mistakes(name, filled(body, loader.secret)) == []


@pytest.mark.parametrize("case", CARRIED)
def test_the_same_definition_gives_the_same_text(case: str) -> None:
    assert render(loader.definition(case), OPTIONS) == render(loader.definition(case), OPTIONS)
