"""Rules for L7 rules."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from bascule.model.errors import Conflict, NotFound, Refused
from bascule.model.objects import CompareType, Kind, L7Rule, Object, RuleType, Tree
from bascule.model.rules.text import TOKEN, InvalidRule

MAX_RULES = 50
"""Rules of one policy."""

_ANY = frozenset(CompareType)
COMPARE = {
    RuleType.COOKIE: _ANY,
    RuleType.FILE_TYPE: frozenset({CompareType.EQUAL_TO, CompareType.REGEX}),
    RuleType.HEADER: _ANY,
    RuleType.HOST_NAME: _ANY,
    RuleType.PATH: _ANY,
    RuleType.SSL_CONN_HAS_CERT: frozenset({CompareType.EQUAL_TO}),
    RuleType.SSL_DN_FIELD: _ANY,
    RuleType.SSL_VERIFY_RESULT: frozenset({CompareType.EQUAL_TO}),
}
"""The comparisons that a type can have."""

_KEYS = {
    RuleType.COOKIE: TOKEN,
    RuleType.HEADER: TOKEN,
    RuleType.SSL_DN_FIELD: re.compile(r"[a-zA-Z][A-Za-z0-9-]*"),
}
"""The types that need a key, and what it looks like."""

_COOKIE_VALUE = re.compile(r"[!#-:<-\[\]-~]+")
_VALUE = re.compile(r'[!-~]+|"[ -~]*"')
_FORMS = {
    RuleType.COOKIE: (
        _COOKIE_VALUE,
        "letters, digits and punctuation without spaces, double quotes, semicolons, backslashes",
    ),
    RuleType.SSL_CONN_HAS_CERT: (re.compile("true", re.IGNORECASE), "true"),
    RuleType.SSL_VERIFY_RESULT: (re.compile("[0-9]+"), "a number that is not negative"),
}
_FORM = (_VALUE, "letters, digits and punctuation, with spaces only between double quotes")


def check(tree: Tree, rule: L7Rule) -> Iterator[Refused]:
    """Refusals of a rule whose type, comparison, key and value do not fit each other."""
    if tree.policy(rule.l7policy_id) is None:
        yield NotFound(Kind.L7POLICY, rule.l7policy_id)
    if rule.compare_type not in COMPARE[rule.type]:
        allowed = ", ".join(sorted(COMPARE[rule.type]))
        yield InvalidRule(f"compare_type {rule.compare_type} is not allowed with type {rule.type}. Allowed: {allowed}")
    yield from _check_key(rule)
    yield from _check_value(rule)


def check_counts(tree: Tree, changed: Iterable[Object]) -> Iterator[Refused]:
    """Refusals of more rules of one policy than a data plane takes."""
    touched = {each.l7policy_id for each in changed if isinstance(each, L7Rule)}
    counts = Counter(rule.l7policy_id for rule in tree.rules) if touched else {}
    for policy_id in touched:
        if counts[policy_id] > MAX_RULES:
            yield Conflict(f"Too many rules on L7 policy {policy_id}: at most {MAX_RULES} are allowed")


def _check_key(rule: L7Rule) -> Iterator[Refused]:
    form = _KEYS.get(rule.type)
    if form is None:
        if rule.key and rule.type in (RuleType.SSL_CONN_HAS_CERT, RuleType.SSL_VERIFY_RESULT):
            yield InvalidRule(f"key is not allowed with type {rule.type}")
        return
    if not rule.key:
        yield InvalidRule(f"key is needed with type {rule.type}")
    elif not form.fullmatch(rule.key):
        yield InvalidRule(f"key {rule.key!r} is not a name that type {rule.type} can have")


def _check_value(rule: L7Rule) -> Iterator[Refused]:
    if not rule.text:
        yield InvalidRule("value must not be empty")
        return
    if rule.compare_type is CompareType.REGEX:
        try:
            re.compile(rule.text)
        except (re.error, RecursionError, OverflowError) as error:
            yield InvalidRule(f"value is not a regular expression: {error}")
        return
    form, allowed = _FORMS.get(rule.type, _FORM)
    if not form.fullmatch(rule.value):
        yield InvalidRule(f"value {rule.value!r} is not allowed with type {rule.type}. Allowed: {allowed}")
