"""Headers that listeners put into requests.

What a client sends under the name of a header that is inserted does not get through, nor does a look-alike: many web servers hand
`X_Real_IP`, or `X.Real.IP`, to programs under the same name as `X-Real-IP`. Only X-Forwarded-For is a list that grows, at its end.

Members may believe the X-SSL headers. So listeners that end TLS take them out of every request, also where they insert none, and so
do the other listeners of a load balancer that inserts some. Who a client is, they say only of a certificate that was found good.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import Any

from bascule.model.objects import Listener, Tree
from bascule.model.rules.listener import HEADERS, TLS_HEADERS
from bascule.south.as3 import distinguished_name, irule, tls

_FORWARDED_FOR = "X-Forwarded-For"
_OF_CONNECTION = {
    "X-Client-IP": irule.CLIENT,
    _FORWARDED_FOR: irule.CLIENT,
    "X-Forwarded-IP": irule.CLIENT,
    "X-Forwarded-Port": "[TCP::local_port]",
    "X-Real-IP": irule.CLIENT,
}
_HAS = "X-SSL-Client-Has-Cert"
_VERIFY = "X-SSL-Client-Verify"
_OF_GOOD_CERTIFICATE = {
    "X-SSL-Client-CN": distinguished_name.field("[X509::subject $certificate]", "CN"),
    "X-SSL-Client-DN": "[X509::subject $certificate]",
    "X-SSL-Client-Not-After": "[clock format [clock scan [X509::not_valid_after $certificate]] -gmt 1 -format %y%m%d%H%M%SZ]",
    "X-SSL-Client-Not-Before": "[clock format [clock scan [X509::not_valid_before $certificate]] -gmt 1 -format %y%m%d%H%M%SZ]",
    "X-SSL-Client-SHA1": "[binary scan [sha1 $certificate] H* digest; string toupper $digest]",
    "X-SSL-Issuer": "[X509::issuer $certificate]",
}


def render(tree: Tree, listener: Listener) -> dict[str, Any]:
    """The iRule that takes headers out of requests and puts some in, by name; none where there is nothing to do.

    As in Octavia, only the value "true" asks for a header.
    """
    lines = [*_removed(tree, listener), *_inserted(listener)]
    if not lines:
        return {}
    lines = [irule.ANSWERED, *lines]
    return irule.shared("headers", "\n".join(["when HTTP_REQUEST priority 200 {", *(f"    {line}" for line in lines), "}"]))


def _wanted(listener: Listener) -> Set[str]:
    return {header for header, value in listener.insert_headers.items() if value.lower() == "true"}


def _removed(tree: Tree, listener: Listener) -> Iterator[str]:
    """Takes out what only we may say. Names are compared in lower case, with a dash for whatever is no letter and no digit."""
    wanted = _wanted(listener)
    ours = [header.lower() for header in sorted(wanted - TLS_HEADERS - {_FORWARDED_FOR})]
    if tls.ends(listener) or any(_wanted(each) & TLS_HEADERS for each in tree.listeners):
        ours += ["x-ssl-client-*", "x-ssl-issuer"]
    if not ours and _FORWARDED_FOR not in wanted:
        return
    yield "foreach name [HTTP::header names] {"
    yield "    set plain [regsub -all {[^a-z0-9]} [string tolower $name] -]"
    yield "    switch -glob -- $plain {"
    if ours:
        yield f"        {' - '.join(ours)} {{ HTTP::header remove $name }}"
    if _FORWARDED_FOR in wanted:
        yield "        x-forwarded-for { if { [string tolower $name] ne $plain } { HTTP::header remove $name } }"
    yield "    }"
    yield "}"


def _inserted(listener: Listener) -> Iterator[str]:
    wanted = _wanted(listener)
    values = {**_OF_CONNECTION, "X-Forwarded-Proto": "https" if tls.ends(listener) else "http"}
    yield from (f"HTTP::header insert {each} {values[each]}" for each in sorted(wanted & values.keys()))
    if _HAS in wanted:
        yield f"HTTP::header insert {_HAS} [expr {{ [SSL::cert count] > 0 }}]"
    of_certificate = sorted(wanted & _OF_GOOD_CERTIFICATE.keys())
    if _VERIFY in wanted:
        yield f"if {{ [SSL::cert count] > 0 }} {{ HTTP::header insert {_VERIFY} [SSL::verify_result] }}"
    if of_certificate:
        yield "if { [SSL::cert count] > 0 && [SSL::verify_result] == 0 } {"
        yield "    set certificate [SSL::cert 0]"
        # A name in a certificate may hold anything, and a line end would begin another header.
        for each in of_certificate:
            yield f"    HTTP::header insert {each} [regsub -all {{[[:cntrl:]]}} {_OF_GOOD_CERTIFICATE[each]} {{}}]"
        yield "}"


def refuse(listener: Listener) -> Iterator[str]:
    """Headers that cannot be inserted."""
    for header in sorted(set(listener.insert_headers) - HEADERS - TLS_HEADERS):
        yield f"insert_headers {header!r} is not possible; possible are {', '.join(sorted(HEADERS | TLS_HEADERS))}."
