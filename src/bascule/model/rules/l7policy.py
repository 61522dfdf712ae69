"""Rules for L7 policies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from bascule.model.errors import Invalid, NotFound, Refused
from bascule.model.objects import Kind, L7Policy, PolicyAction, Tree
from bascule.model.rules.protocols import check_childless, check_pair
from bascule.model.rules.text import InvalidOption

REDIRECT_CODES = (301, 302, 303, 307, 308)

TARGETS = {
    PolicyAction.REDIRECT_TO_POOL: "redirect_pool_id",
    PolicyAction.REDIRECT_TO_URL: "redirect_url",
    PolicyAction.REDIRECT_PREFIX: "redirect_prefix",
}
"""The attribute that says where an action sends to."""

_URL = re.compile(r"https?://[!-~]+", re.IGNORECASE)


def check(tree: Tree, policy: L7Policy) -> Iterator[Refused]:
    """Refusals of a policy without a listener or without a place to send to."""
    listener = tree.listener(policy.listener_id)
    if listener is None:
        yield NotFound(Kind.LISTENER, policy.listener_id)
        return
    yield from check_childless(listener)
    yield from _check_target(policy)
    if policy.redirect_pool_id is not None:
        pool = tree.pool(policy.redirect_pool_id)
        if pool is None:
            yield NotFound(Kind.POOL, policy.redirect_pool_id)
        else:
            yield from check_pair(listener, pool)


def _check_target(policy: L7Policy) -> Iterator[Refused]:
    for action, name in TARGETS.items():
        value = getattr(policy, name)
        if policy.action is action and not value:
            yield Invalid(f"{name} is needed when the action is {action}")
        if policy.action is not action and value:
            yield Invalid(f"{name} is not allowed when the action is {policy.action}")
    for name in ("redirect_url", "redirect_prefix"):
        if (url := getattr(policy, name)) and not _is_url(url):
            yield InvalidOption(url, name, "an http or https URL with a host, without spaces")
    if policy.redirect_http_code is None:
        return
    if policy.redirect_http_code not in REDIRECT_CODES:
        yield InvalidOption(policy.redirect_http_code, "redirect_http_code", ", ".join(map(str, REDIRECT_CODES)))
    if not (policy.redirect_url or policy.redirect_prefix):
        yield Invalid(f"redirect_http_code is not allowed when the action is {policy.action}")


def _is_url(url: str) -> bool:
    if not _URL.fullmatch(url):
        return False
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
