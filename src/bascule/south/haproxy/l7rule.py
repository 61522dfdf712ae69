"""L7 rules: one ACL each, in the frontend of their policy's listener.

Host names are compared without regard to case, everything else with it. Lines of the same ACL are alternatives. A host counts with
its port and without, a header as a whole and by the parts between its commas.
"""

from __future__ import annotations

from collections.abc import Iterator

from bascule.model import refusals
from bascule.model.objects import CompareType, L7Rule, RuleType
from bascule.south.haproxy.quoting import argument, name, word

_MATCHES = {
    CompareType.CONTAINS: "sub",
    CompareType.ENDS_WITH: "end",
    CompareType.EQUAL_TO: "str",
    CompareType.REGEX: "reg",
    CompareType.STARTS_WITH: "beg",
}


def render(rule: L7Rule) -> list[str]:
    """The ACL of a rule, not inverted. The name in a certificate counts only if the certificate was found good."""
    lines = [f"    # l7rule {rule.id}"]
    if rule.type is RuleType.SSL_DN_FIELD:
        field = word(f"ssl_c_s_dn({argument(rule.key or '')})")
        lines.append(f"    http-request set-var({_variable(rule)}) {field} if {{ ssl_c_used }} {{ ssl_c_verify 0 }}")
    return lines + [f"    acl {name(rule.id)} {test}" for test in _tests(rule)]


def _variable(rule: L7Rule) -> str:
    """Where the name in a good certificate stands, for a rule that compares it."""
    return f"txn.{name(rule.id).replace('-', '_')}"


def _tests(rule: L7Rule) -> list[str]:
    match rule.type:
        case RuleType.SSL_CONN_HAS_CERT:
            return ["ssl_c_used"]
        case RuleType.SSL_VERIFY_RESULT:
            return [f"ssl_c_verify -m int -- {int(rule.text):d}"]
        case RuleType.HOST_NAME:
            compared = f"-i {_compared(rule)}"
        case RuleType.FILE_TYPE:
            compared = _file_type(rule)
        case _:
            compared = _compared(rule)
    return [f"{each} {compared}" for each in _looked_at(rule)]


def _looked_at(rule: L7Rule) -> tuple[str, ...]:
    """The parts of a request that a rule compares."""
    match rule.type:
        case RuleType.HOST_NAME:
            return "req.fhdr(host)", "req.fhdr(host),host_only"
        case RuleType.HEADER:
            return word(f"req.fhdr({argument(rule.key or '')})"), word(f"req.hdr({argument(rule.key or '')})")
        case RuleType.COOKIE:
            return (word(f"req.cook({argument(rule.key or '')})"),)
        case RuleType.SSL_DN_FIELD:
            return (f"var({_variable(rule)})",)
        case RuleType.FILE_TYPE:
            return ("path,field(-1,/)",)
        case _:
            return ("path",)


def _compared(rule: L7Rule) -> str:
    return f"-m {_MATCHES[rule.compare_type]} -- {word(rule.text)}"


def _file_type(rule: L7Rule) -> str:
    """A type is what the last part of the path ends with, after a dot. A regular expression is tried on that whole part."""
    if rule.compare_type is CompareType.EQUAL_TO:
        return f"-m end -- {word('.' + rule.text.removeprefix('.'))}"
    return _compared(rule)


def refuse(rule: L7Rule) -> Iterator[str]:
    """What of a rule cannot be carried."""
    yield from refusals.of_l7rule(rule)
    if rule.type is RuleType.SSL_DN_FIELD:
        yield from refusals.of_l7rule_key(rule)
