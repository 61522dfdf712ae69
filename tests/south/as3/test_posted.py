"""Every case posted to an emulated BIG-IP: accepted, nothing to change the second time, and nothing left in the end."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from bascule.south.as3.names import tenant_name
from bascule.south.as3.options import Options
from bascule.south.as3.render import refuse, render
from bascule.south.as3.secrets import filled
from tests.cases import loader
from tests.emulator.site import Box, box

pytestmark = pytest.mark.slow

OPTIONS = Options(regular_expressions=True)
CARRIED = [name for name in loader.NAMES if not refuse(loader.definition(name).tree, OPTIONS)]


@pytest.fixture(scope="module")
def bigip() -> Iterator[Box]:
    with box() as made:
        yield made


def _tenant(case: str) -> tuple[str, dict[str, Any]]:
    ((name, text),) = render(loader.definition(case), OPTIONS).items()
    return name, filled(text, loader.secret)


def _posted(bigip: Box, name: str, tenant: dict[str, Any]) -> str:
    answer = bigip.declare({name: tenant})
    assert answer.status == 200, answer.text
    ((_, _, message),) = answer.results
    return message


@pytest.mark.parametrize("case", CARRIED)
def test_a_case_is_accepted_twice_and_leaves_nothing(case: str, bigip: Box) -> None:
    before = bigip.get("/emulator").body["objects"]
    name, tenant = _tenant(case)
    assert _posted(bigip, name, tenant) == "success"
    assert _posted(bigip, name, tenant) == "no change"
    assert _posted(bigip, name, {"class": "Tenant"}) == "success"
    assert bigip.get("/emulator").body["objects"] == before


def test_a_case_can_become_another(bigip: Box) -> None:
    """The ids in the cases are the same, so this changes classes, protocols, addresses and pools under the same names."""
    for one, other in pairwise([*CARRIED, *reversed(CARRIED)]):
        assert _tenant(one)[0] == _tenant(other)[0] == tenant_name(loader.definition(other).tree.id)
        _posted(bigip, *_tenant(one))
        _posted(bigip, *_tenant(other))
        assert _posted(bigip, *_tenant(other)) == "no change"
    _posted(bigip, _tenant(CARRIED[0])[0], {"class": "Tenant"})
