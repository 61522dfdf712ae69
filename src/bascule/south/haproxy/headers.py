"""Headers that listeners put into requests, and into answers.

What a client sends under the name of a header that is inserted does not get through, nor does a look-alike: many web servers
hand `X_Real_IP`, or `X.Real.IP`, to programs under the same name as `X-Real-IP`. Only X-Forwarded-For is a list that grows, at its
end.

Members may believe the X-SSL headers. So listeners that end TLS take them out of every request, also where they insert none, and
so do the other listeners of a load balancer that inserts some. Who a client is, they say only of a certificate that was found good.
"""

from __future__ import annotations

from collections.abc import Iterator, Set

from bascule.model.objects import Listener, ListenerProtocol, Tree
from bascule.model.rules.listener import HEADERS, TLS_HEADERS
from bascule.south.haproxy.quoting import word

_FORWARDED_FOR = "X-Forwarded-For"
_OF_CONNECTION = {
    "X-Client-IP": "%[src]",
    "X-Forwarded-IP": "%[src]",
    "X-Forwarded-Port": "%[dst_port]",
    "X-Real-IP": "%[src]",
    "X-SSL-Client-Has-Cert": "%[ssl_c_used]",
}
_OF_SHOWN_CERTIFICATE = {"X-SSL-Client-Verify": "%[ssl_c_verify]"}
_OF_GOOD_CERTIFICATE = {
    "X-SSL-Client-CN": "%[ssl_c_s_dn(CN)]",
    "X-SSL-Client-DN": "%[ssl_c_s_dn]",
    "X-SSL-Client-Not-After": "%[ssl_c_notafter]",
    "X-SSL-Client-Not-Before": "%[ssl_c_notbefore]",
    "X-SSL-Client-SHA1": "%[ssl_c_sha1,hex]",
    "X-SSL-Issuer": "%[ssl_c_i_dn]",
}
# Header names reach HAProxy's rules in lower case.
_DASH = "[^a-z0-9]"
_LOOK_ALIKES_OF_FORWARDED_FOR = f"x[^a-z0-9-]forwarded{_DASH}for|x-forwarded[^a-z0-9-]for"
_TELLING_OF_CERTIFICATES = f"x{_DASH}ssl{_DASH}(client{_DASH}.*|issuer)"


def into_requests(tree: Tree, listener: Listener) -> list[str]:
    """What a listener takes out of requests and puts in. As in Octavia, only the value "true" asks for a header."""
    wanted = _wanted(listener)
    tls = listener.protocol is ListenerProtocol.TERMINATED_HTTPS
    values = {**_OF_CONNECTION, "X-Forwarded-Proto": "https" if tls else "http"}
    lines = [f"    http-request del-header {word(f'^({ours})$')} -m reg"] if (ours := _ours(tree, listener)) else []
    if _FORWARDED_FOR in wanted:
        lines.append("    option forwardfor")
    lines += _set(wanted, values)
    lines += _set(wanted, _OF_SHOWN_CERTIFICATE, " if { ssl_c_used }")
    lines += _set(wanted, _OF_GOOD_CERTIFICATE, " if { ssl_c_used } { ssl_c_verify 0 }")
    return lines


def into_answers(listener: Listener) -> list[str]:
    """What a listener puts into answers, be they of members or of HAProxy itself."""
    if listener.hsts_max_age is None:
        return []
    policy = f"max-age={listener.hsts_max_age:d}"
    policy += "; includeSubDomains" if listener.hsts_include_subdomains else ""
    policy += "; preload" if listener.hsts_preload else ""
    return [f"    http-after-response set-header Strict-Transport-Security {word(policy)}"]


def refuse(listener: Listener) -> Iterator[str]:
    """Headers that cannot be inserted."""
    for header in sorted(set(listener.insert_headers) - HEADERS - TLS_HEADERS):
        yield f"insert_headers {header!r} is not possible; possible are {', '.join(sorted(HEADERS | TLS_HEADERS))}."


def _wanted(listener: Listener) -> Set[str]:
    return {header for header, value in listener.insert_headers.items() if value.lower() == "true"}


def _set(wanted: Set[str], values: dict[str, str], condition: str = "") -> list[str]:
    return [f"    http-request set-header {each} {values[each]}{condition}" for each in sorted(wanted & values.keys())]


def _ours(tree: Tree, listener: Listener) -> str:
    """A pattern, in lower case, of the headers that no client may send to a listener; empty if it may send all."""
    wanted = _wanted(listener)
    found = [each.lower().replace("-", _DASH) for each in sorted(wanted - TLS_HEADERS - {_FORWARDED_FOR})]
    if _FORWARDED_FOR in wanted:
        found.append(_LOOK_ALIKES_OF_FORWARDED_FOR)
    if listener.protocol is ListenerProtocol.TERMINATED_HTTPS or any(_wanted(each) & TLS_HEADERS for each in tree.listeners):
        found.append(_TELLING_OF_CERTIFICATES)
    return "|".join(found)
