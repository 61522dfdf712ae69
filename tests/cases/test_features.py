"""No backend ignores an attribute, and the table of features says what becomes of each."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import pytest

from bascule.model.objects import Kind
from tests.cases.conftest import Golden
from tests.cases.features import FEATURES, LEFT_OUT, MADE, PROVIDERS, Feature, Finding, Provider, attributes, find

DOCS = Path(__file__).parents[2] / "docs"

TITLES = {
    Kind.LOAD_BALANCER: "Load balancers",
    Kind.LISTENER: "Listeners",
    Kind.POOL: "Pools",
    Kind.MEMBER: "Members",
    Kind.HEALTH_MONITOR: "Health monitors",
    Kind.L7POLICY: "L7 policies",
    Kind.L7RULE: "L7 rules",
}
_END = """
This page is made from the cases by `./run golden`. A test fails when it is not as they are.

"""
HEADS = {
    "haproxy": f"""\
# What the provider `haproxy` carries

Each row is an attribute of Octavia's objects, with one value or kind of value. *Carried* comes with examples: folders below
`tests/cases` with the load balancer (`definition.json`) and the configuration that HAProxy gets for it (`haproxy.cfg`), which both
HAProxys of the tests accept. *Refused* comes with the text of the answer, which is a 501. Ranges, and what may not be together, are
refused as well where they do not fit; the answer names the attribute and what is possible.
{_END}""",
    "f5": f"""\
# What the provider `f5` carries

Each row is an attribute of Octavia's objects, with one value or kind of value. *Carried* comes with examples: folders below
`tests/cases` with the load balancer (`definition.json`) and the AS3 tenant that BIG-IP gets for it (`as3.json`), which the
official schema of AS3 accepts. *Refused* comes with the text of the answer, which is a 501. Ranges, and what may not be together,
are refused as well where they do not fit; the answer names the attribute and what is possible. Regular expressions of L7 rules are
refused unless the operator allows them.
{_END}""",
}

NEED_NOT_BE_WRITTEN = {
    ("haproxy", "member.vnic_type"): ["normal"],
    ("f5", "member.vnic_type"): ["normal"],
}
"""Values that change nothing because nothing else is possible."""


@pytest.fixture(scope="module", params=PROVIDERS, ids=lambda provider: provider.name)
def provider(request: pytest.FixtureRequest) -> Provider:
    found: Provider = request.param
    return found


@pytest.fixture(scope="module")
def findings(provider: Provider) -> dict[Feature, Finding]:
    return {feature: find(provider, feature) for feature in FEATURES}


def test_every_attribute_is_listed_or_left_out() -> None:
    places = {feature.place for feature in FEATURES}
    for made in MADE:
        for attribute, _ in attributes(made):
            assert (attribute in LEFT_OUT) != (f"{made.kind}.{attribute}" in places), f"{made.kind}.{attribute}"


def test_every_value_is_in_a_case_or_refused(findings: dict[Feature, Finding]) -> None:
    assert [f"{each.place} {each.label}" for each, found in findings.items() if not (found.cases or found.refused)] == []


def test_no_value_is_ignored(provider: Provider, findings: dict[Feature, Finding]) -> None:
    """An object that takes it changes the documents, or is refused."""
    for place, some in groupby(FEATURES, key=lambda each: each.place):
        values = [each for each in some if not findings[each].refused]
        ignored = [each.label for each in values if not findings[each].matters]
        assert ignored == NEED_NOT_BE_WRITTEN.get((provider.name, place), []), place


def test_the_table_is_as_the_cases_are(provider: Provider, findings: dict[Feature, Finding], golden: Golden) -> None:
    text = HEADS[provider.name] + "\n".join(_table(provider, findings)) + "\n" + _left_out()
    golden.check(DOCS / f"{provider.name}-features.md", text)


def _table(provider: Provider, findings: dict[Feature, Finding]) -> list[str]:
    lines: list[str] = []
    for made, some in groupby(FEATURES, key=lambda each: each.made):
        lines += [f"## {TITLES[made.kind]}", "", "| attribute | value | | examples, or why not |", "|---|---|---|---|"]
        before = ""
        for each in some:
            attribute = "" if each.attribute == before else f"`{each.attribute}`"
            before = each.attribute
            lines.append(f"| {attribute} | {each.label} | {_said(provider, findings[each])} |")
        lines.append("")
    return lines


def _said(provider: Provider, found: Finding) -> str:
    if found.cases:
        return "carried | " + ", ".join(f"[{name}](../tests/cases/{name}/{provider.file})" for name in found.cases[:2])
    return f"refused | {found.refused}"


def _left_out() -> str:
    rows = "".join(f"| `{attribute}` | {why} |\n" for attribute, why in LEFT_OUT.items())
    return f"## What changes nothing on a data plane\n\n| attribute | why |\n|---|---|\n{rows}"
