"""L7 rules: bodies and answers."""

from __future__ import annotations

import dataclasses
from typing import Any

from msgspec import UNSET

from bascule.model.objects import CompareType, Kind, L7Rule, RuleType
from bascule.north.octavia_v2.schemas.common import Answer, Noun, Related, moment
from bascule.north.octavia_v2.wire import Attributes, Body, Given, Maybe, ProjectId, Text


class L7RulePut(Body, kw_only=True):
    """What of an L7 rule can be changed."""

    type: Given[RuleType] = UNSET
    compare_type: Given[CompareType] = UNSET
    key: Maybe[Text] = UNSET
    value: Given[Text] = UNSET
    invert: Maybe[bool] = UNSET
    admin_state_up: Maybe[bool] = UNSET
    tags: Maybe[list[Text]] = UNSET


class L7RuleNested(L7RulePut, kw_only=True):
    """An L7 rule that is created together with its policy."""

    type: RuleType
    compare_type: CompareType
    value: Text


class L7RulePost(L7RuleNested, kw_only=True):
    """A new L7 rule."""

    project_id: Maybe[ProjectId] = UNSET
    tenant_id: Maybe[ProjectId] = UNSET


class L7RulePutBody(Body, kw_only=True):
    """The body of a change."""

    rule: L7RulePut


class L7RulePostBody(Body, kw_only=True):
    """The body of a creation."""

    rule: L7RulePost


_attributes = Attributes(L7Rule)


def created(body: L7RuleNested, l7policy_id: str, l7rule_id: str) -> L7Rule:
    """A new L7 rule."""
    return L7Rule(id=l7rule_id, l7policy_id=l7policy_id, **_attributes(body))


def changed(rule: L7Rule, body: L7RulePut) -> L7Rule:
    """An L7 rule with the changes that a body asks for."""
    return dataclasses.replace(rule, **_attributes(body))


class L7RuleAnswer(Answer, kw_only=True):
    """An L7 rule as it is shown."""

    id: str
    type: str
    compare_type: str
    key: str | None
    value: str
    invert: bool
    provisioning_status: str
    operating_status: str
    created_at: str | None
    updated_at: str | None
    project_id: str
    admin_state_up: bool
    tags: list[str]
    tenant_id: str


class L7RuleAnswerBody(Answer, kw_only=True):
    """One L7 rule."""

    rule: L7RuleAnswer


def show(row: Any, related: Related) -> L7RuleAnswer:
    """An L7 rule from its row."""
    return L7RuleAnswer(
        id=row.id,
        type=row.type,
        compare_type=row.compare_type,
        key=row.key,
        value=row.value,
        invert=row.invert,
        provisioning_status=row.provisioning_status,
        operating_status=row.operating_status,
        created_at=moment(row.created_at),
        updated_at=moment(row.updated_at),
        project_id=row.project_id,
        admin_state_up=row.admin_state_up,
        tags=row.tags,
        tenant_id=row.project_id,
    )


L7RULE = Noun(kind=Kind.L7RULE, one="rule", many="rules", answer=L7RuleAnswer, show=show, also={"l7policy_id": "l7policy_id"})
