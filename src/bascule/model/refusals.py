"""What no backend carries, or none in any other form, in the words that all of them use."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator

from bascule.model.backend import Refusal
from bascule.model.objects import L7Policy, L7Rule, Listener, ListenerProtocol, LoadBalancer, Member, Object, RuleType, Tree
from bascule.model.rules.text import is_token

_RESULT = re.compile(r"[0-9]{1,9}")
_WITH_POLICIES = (ListenerProtocol.HTTP, ListenerProtocol.TERMINATED_HTTPS)


def collect(tree: Tree, texts: Callable[[Object], Iterator[str]]) -> list[Refusal]:
    """What is refused of each object of a tree, with the object named before the text."""
    return [Refusal(each.id, f"{_noun(each)} {text}") for each in tree.objects() for text in texts(each)]


def _noun(each: Object) -> str:
    return each.kind.replace("_", " ").capitalize()


def of_load_balancer(load_balancer: LoadBalancer) -> Iterator[str]:
    """Limits that only a network can keep."""
    if load_balancer.vip_qos_policy_id:
        yield "vip_qos_policy_id is not possible: traffic is not shaped."
    if load_balancer.vip_sg_ids:
        yield "vip_sg_ids is not possible; use allowed_cidrs of the listeners."


def of_listener(listener: Listener) -> Iterator[str]:
    """Networks that are none."""
    for cidr in listener.allowed_cidrs:
        if not _is_network(cidr):
            yield f"allowed_cidrs {cidr!r} is not a network in CIDR notation."


def _is_network(cidr: str) -> bool:
    try:
        ipaddress.ip_network(cidr, strict=False)
    except ValueError:
        return False
    return "%" not in cidr


def of_member(member: Member) -> Iterator[str]:
    """Weights and ports of another kind."""
    if not 0 <= member.weight <= 256:
        yield "weight can be 0 to 256."
    if member.vnic_type != "normal":
        yield f"vnic_type {member.vnic_type!r} is not possible; it can be normal."


def of_l7policy(policy: L7Policy, tree: Tree) -> Iterator[str]:
    """Policies for requests that nobody reads, and targets that are no text."""
    listener = tree.listener(policy.listener_id)
    if listener and listener.protocol not in _WITH_POLICIES:
        yield f"{listener.protocol} protocol listeners do not support L7 policies; {' and '.join(_WITH_POLICIES)} listeners do."
    for field, value in (("redirect_url", policy.redirect_url), ("redirect_prefix", policy.redirect_prefix)):
        if value is not None and not (value and value.isprintable()):
            yield f"{field} must not be empty and must not have control characters."


def of_l7rule(rule: L7Rule) -> Iterator[str]:
    """Values that are no text, and names that no header or cookie has."""
    if not (rule.text and rule.text.isprintable()):
        yield "value must not be empty and must not have control characters."
    elif rule.type is RuleType.SSL_VERIFY_RESULT and not _RESULT.fullmatch(rule.text):
        yield "value must be the number of a result of OpenSSL, such as 0 or 18."
    if rule.type in (RuleType.COOKIE, RuleType.HEADER):
        yield from of_l7rule_key(rule)


def of_l7rule_key(rule: L7Rule) -> Iterator[str]:
    """Keys that are not the name of a header."""
    if not is_token(rule.key or ""):
        yield f"key must be the name of what type {rule.type} looks at: letters, digits and !#$%&'*+-.^_`|~."
