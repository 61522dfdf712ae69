"""L7 policies: bodies and answers."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

from msgspec import UNSET, Meta

from bascule.model.errors import Invalid
from bascule.model.objects import Kind, L7Policy, PolicyAction
from bascule.model.rules.l7policy import TARGETS
from bascule.north.octavia_v2.checked import Uuid
from bascule.north.octavia_v2.schemas.common import Answer, Noun, Ref, Related, moment, refs
from bascule.north.octavia_v2.schemas.l7rule import L7RuleNested
from bascule.north.octavia_v2.schemas.pool import PoolNested
from bascule.north.octavia_v2.wire import Attributes, Body, Given, Maybe, ProjectId, Text, known

LAST = 2**31 - 1
"""The position of a policy that is tried after all others."""

DEFAULT_CODE = 302

Position = Annotated[int, Meta(ge=1, le=LAST)]


class L7PolicyPut(Body, kw_only=True):
    """What of an L7 policy can be changed."""

    name: Maybe[Text] = UNSET
    description: Maybe[Text] = UNSET
    admin_state_up: Maybe[bool] = UNSET
    action: Given[PolicyAction] = UNSET
    redirect_pool_id: Maybe[Uuid] = UNSET
    redirect_url: Maybe[Text] = UNSET
    redirect_prefix: Maybe[Text] = UNSET
    redirect_http_code: Maybe[int] = UNSET
    position: Maybe[Position] = UNSET
    tags: Maybe[list[Text]] = UNSET


class L7PolicyPost(L7PolicyPut, kw_only=True):
    """A new L7 policy."""

    listener_id: Uuid
    action: PolicyAction
    rules: Maybe[list[L7RuleNested]] = UNSET
    project_id: Maybe[ProjectId] = UNSET
    tenant_id: Maybe[ProjectId] = UNSET


class L7PolicyNested(L7PolicyPut, kw_only=True):
    """An L7 policy of a load balancer that is created in a single call."""

    action: PolicyAction
    redirect_pool: Maybe[PoolNested] = UNSET
    rules: Maybe[list[L7RuleNested]] = UNSET


class L7PolicyPutBody(Body, kw_only=True):
    """The body of a change."""

    l7policy: L7PolicyPut


class L7PolicyPostBody(Body, kw_only=True):
    """The body of a creation."""

    l7policy: L7PolicyPost


_attributes = Attributes(L7Policy, but=("position", "listener_id"))


def created(body: L7PolicyPost | L7PolicyNested, listener_id: str, policy_id: str, pool_id: str | None = None) -> L7Policy:
    """A new L7 policy, last in its listener. `pool_id` is that of the pool which is created together with it."""
    policy = L7Policy(id=policy_id, listener_id=listener_id, position=LAST, **_attributes(body))
    if pool_id is not None:
        policy = dataclasses.replace(policy, redirect_pool_id=pool_id)
    return _settled(policy, policy.action)


def changed(policy: L7Policy, body: L7PolicyPut) -> L7Policy:
    """An L7 policy with the changes that a body asks for, where it was among the others."""
    action = known(body.action) or _action_of(body) or policy.action
    return _settled(dataclasses.replace(policy, **_attributes(body)), action)


def _action_of(body: L7PolicyPut) -> PolicyAction | None:
    """The action that follows from the one place to send to that a body gives."""
    given = [action for action, name in TARGETS.items() if known(getattr(body, name))]
    if len(given) > 1:
        raise Invalid(f"Only one of {', '.join(TARGETS.values())} can be given")
    return given[0] if given else None


def _settled(policy: L7Policy, action: PolicyAction) -> L7Policy:
    """A policy with an action, without what belongs to other actions."""
    others: dict[str, Any] = {name: None for target, name in TARGETS.items() if target is not action}
    redirects = action in (PolicyAction.REDIRECT_TO_URL, PolicyAction.REDIRECT_PREFIX)
    code = policy.redirect_http_code
    if redirects and code is None:
        code = DEFAULT_CODE
    return dataclasses.replace(policy, action=action, redirect_http_code=code if redirects else None, **others)


class L7PolicyAnswer(Answer, kw_only=True):
    """An L7 policy as it is shown."""

    id: str
    name: str
    description: str
    provisioning_status: str
    operating_status: str
    admin_state_up: bool
    project_id: str
    action: str
    listener_id: str
    redirect_pool_id: str | None
    redirect_url: str | None
    redirect_prefix: str | None
    position: int
    rules: list[Ref]
    created_at: str | None
    updated_at: str | None
    tags: list[str]
    redirect_http_code: int | None
    tenant_id: str


class L7PolicyAnswerBody(Answer, kw_only=True):
    """One L7 policy."""

    l7policy: L7PolicyAnswer


def show(row: Any, related: Related) -> L7PolicyAnswer:
    """An L7 policy from its row."""
    return L7PolicyAnswer(
        id=row.id,
        name=row.name,
        description=row.description,
        provisioning_status=row.provisioning_status,
        operating_status=row.operating_status,
        admin_state_up=row.admin_state_up,
        project_id=row.project_id,
        action=row.action,
        listener_id=row.listener_id,
        redirect_pool_id=row.redirect_pool_id,
        redirect_url=row.redirect_url,
        redirect_prefix=row.redirect_prefix,
        position=row.position,
        rules=refs(related["l7rules"]),
        created_at=moment(row.created_at),
        updated_at=moment(row.updated_at),
        tags=row.tags,
        redirect_http_code=row.redirect_http_code,
        tenant_id=row.project_id,
    )


L7POLICY = Noun(kind=Kind.L7POLICY, one="l7policy", many="l7policies", answer=L7PolicyAnswer, show=show)
