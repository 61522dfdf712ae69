"""L7 rules: a condition of an endpoint policy where it can say the same, and a test in an iRule.

Host names are compared without regard to case, everything else with it. A host counts without its port, unless the value has one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from bascule.model import refusals
from bascule.model.objects import CompareType, L7Rule, RuleType
from bascule.south.as3 import distinguished_name
from bascule.south.as3.irule import word

_OPERANDS = {
    CompareType.CONTAINS: ("contains", "does-not-contain"),
    CompareType.ENDS_WITH: ("ends-with", "does-not-end-with"),
    CompareType.EQUAL_TO: ("equals", "does-not-equal"),
    CompareType.STARTS_WITH: ("starts-with", "does-not-start-with"),
}
_KEYED = (RuleType.COOKIE, RuleType.HEADER)
_OF_CERTIFICATE = (RuleType.SSL_CONN_HAS_CERT, RuleType.SSL_DN_FIELD, RuleType.SSL_VERIFY_RESULT)
# AS3 writes conditions into a script as they are, and before that looks for its own words among theirs, which are of small letters
# and dashes. So a policy gets only what means nothing to a script and cannot be such a word.
_PLAIN = re.compile(r"(?![a-z-]+$)[0-9A-Za-z/._][0-9A-Za-z/._:=%~+-]*")
# What Python knows and Tcl does not: there such an expression would match nothing, silently.
_NOT_TCL = re.compile(r"\(\?[<P]")


def is_plain(text: str) -> bool:
    """Whether a text can stand in a policy."""
    return _PLAIN.fullmatch(text) is not None


def condition(rule: L7Rule) -> dict[str, Any] | None:
    """A rule as a condition of a policy, None where a policy cannot say it: regular expressions, certificates, and what is not so
    of a header or cookie, which there means another one and not also none."""
    if rule.compare_type is CompareType.REGEX or rule.type in _OF_CERTIFICATE or not is_plain(_text(rule)):
        return None
    if rule.type in _KEYED and (rule.invert or not is_plain(rule.key or "")):
        return None
    compared: dict[str, Any] = {"operand": _OPERANDS[_compared(rule)][rule.invert], "values": [_text(rule)]}
    if rule.type is not RuleType.HOST_NAME:
        compared["caseSensitive"] = True
    match rule.type:
        case RuleType.HOST_NAME:
            return {"type": "httpHost", "event": "request", "all" if ":" in rule.text else "host": compared}
        case RuleType.HEADER:
            return {"type": "httpHeader", "event": "request", "name": rule.key, "all": compared}
        case RuleType.COOKIE:
            return {"type": "httpCookie", "event": "request", "name": rule.key, "all": compared}
        case _:
            return {"type": "httpUri", "event": "request", "path": compared}


def _text(rule: L7Rule) -> str:
    """What is compared with."""
    if rule.type is RuleType.HOST_NAME:
        return rule.text.lower()
    if rule.type is RuleType.FILE_TYPE and rule.compare_type is CompareType.EQUAL_TO:
        return "." + rule.text.removeprefix(".")
    return rule.text


def _compared(rule: L7Rule) -> CompareType:
    """A type of files is what a path ends with, after a dot."""
    return CompareType.ENDS_WITH if rule.type is RuleType.FILE_TYPE else rule.compare_type


def test(rule: L7Rule, over_tls: bool) -> str:
    """A rule as a test in Tcl. Nobody shows a certificate where TLS does not end."""
    found = _test(rule) if over_tls or rule.type not in _OF_CERTIFICATE else "0"
    return f"!({found})" if rule.invert else f"({found})"


def _test(rule: L7Rule) -> str:
    match rule.type:
        case RuleType.SSL_CONN_HAS_CERT:
            return "[SSL::cert count] > 0"
        case RuleType.SSL_VERIFY_RESULT:
            return f"([SSL::cert count] > 0 ? [SSL::verify_result] : 0) == {int(rule.text):d}"
        case RuleType.SSL_DN_FIELD:
            field = distinguished_name.field("[X509::subject [SSL::cert 0]]", rule.key or "")
            return f"[SSL::cert count] > 0 && [SSL::verify_result] == 0 && {_compare(rule, field)}"
        case RuleType.HOST_NAME:
            whole = "[string tolower [HTTP::host]]"
            without_port = f"[getfield {whole} : 1]"
            if rule.compare_type is CompareType.REGEX:
                return f"{_compare(rule, whole)} || {_compare(rule, without_port)}"
            return _compare(rule, whole if ":" in rule.text else without_port)
        case RuleType.HEADER:
            return _compare(rule, f"[HTTP::header value {word(rule.key or '')}]")
        case RuleType.COOKIE:
            return _compare(rule, f"[HTTP::cookie value {word(rule.key or '')}]")
        case RuleType.FILE_TYPE if rule.compare_type is CompareType.REGEX:
            return _compare(rule, "[lindex [split [HTTP::path] /] end]")
        case _:
            return _compare(rule, "[HTTP::path]")


def _compare(rule: L7Rule, subject: str) -> str:
    text = word(_text(rule))
    match _compared(rule) if rule.compare_type is not CompareType.REGEX else CompareType.REGEX:
        case CompareType.CONTAINS:
            return f"[string first {text} {subject}] >= 0"
        case CompareType.STARTS_WITH:
            return f"[string first {text} {subject}] == 0"
        case CompareType.ENDS_WITH:
            return f"[string range {subject} end-{len(_text(rule).encode()) - 1:d} end] eq {text}"
        case CompareType.EQUAL_TO:
            return f"{subject} eq {text}"
        case CompareType.REGEX:
            nocase = "-nocase " if rule.type is RuleType.HOST_NAME else ""
            return f"(![catch {{ regexp {nocase}-- {word(rule.text)} {subject} }} found] && $found)"


def refuse(rule: L7Rule, regular_expressions: bool) -> Iterator[str]:
    """What of a rule cannot be carried."""
    yield from refusals.of_l7rule(rule)
    if rule.compare_type is CompareType.REGEX and not regular_expressions:
        yield f"compare_type REGEX is not possible: it could hold up the whole device; it can be {', '.join(_OPERANDS)}."
    elif rule.compare_type is CompareType.REGEX and _NOT_TCL.search(rule.text):
        yield "value must be a regular expression of Tcl, without named groups and without looking behind."
    elif rule.type is RuleType.FILE_TYPE and rule.compare_type is CompareType.EQUAL_TO and "/" in rule.text:
        yield "value must be a type of files, which has no slash."
    if rule.type is RuleType.SSL_DN_FIELD and not distinguished_name.is_key(rule.key or ""):
        yield f"key must be the name of what type {rule.type} looks at: letters, digits and dashes."
