"""Runs iRules in a Tcl of this machine, with what BIG-IP adds to the language as far as our iRules use it.

It shows what an iRule says and that it is Tcl, not that BIG-IP has the commands: those are as F5 documents them.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, field

import pytest

_COMMANDS = r"""
foreach each {HTTP IP TCP SSL X509} { namespace eval $each {} }
set actions [list]
proc does {args} { global actions; lappend actions $args }
proc when {event args} { global bodies; lappend bodies($event) [lindex $args end] }
proc getfield {text separator number} { lindex [split $text $separator] [expr {$number - 1}] }
proc pool {name} { does pool $name }
proc persist {args} { does persist {*}$args }
proc reject {} { does reject }
proc class {match what equals name} { global groups; foreach each $groups($name) { if {$each eq $what} { return 1 } }; return 0 }
proc HTTP::has_responded {} { global request; return $request(answered) }
proc still_open {} { global request; if {$request(answered)} { error "the request has been answered" } }
proc HTTP::path {} { still_open; global request; return $request(path) }
proc HTTP::uri {} { still_open; global request; return $request(uri) }
proc HTTP::host {} { still_open; global request; return $request(host) }
proc HTTP::respond {args} { still_open; global request; set request(answered) 1; does respond {*}$args }
proc HTTP::header {what args} {
    still_open
    global headers
    set name [string tolower [lindex $args 0]]
    switch -- $what {
        names { set found [list]; foreach {each value} $headers { lappend found $each }; return $found }
        value { foreach {each value} $headers { if {[string tolower $each] eq $name} { return $value } }; return "" }
        insert { lappend headers {*}$args }
        remove {
            set left [list]
            foreach {each value} $headers { if {[string tolower $each] ne $name} { lappend left $each $value } }
            set headers $left
        }
    }
}
proc HTTP::cookie {what name} {
    still_open
    global cookies
    if {$what eq "exists"} { return [info exists cookies($name)] }
    expr {[info exists cookies($name)] ? $cookies($name) : ""}
}
proc IP::client_addr {} { global request; return $request(client) }
proc IP::local_addr {} { global request; return $request(local) }
proc IP::version {} { global request; expr {[string first : $request(client)] < 0 ? 4 : 6} }
proc TCP::client_port {} { return 50000 }
proc TCP::local_port {} { return 443 }
proc TCP::respond {bytes} { binary scan $bytes H* hex; does send $hex }
proc SSL::cert {what} { global request; expr {$what eq "count" ? ($request(subject) ne "") : "der"} }
proc SSL::verify_result {} { global request; return $request(verified) }
proc X509::subject {certificate} { global request; return $request(subject) }
proc X509::issuer {certificate} { return "CN=issuer" }
proc X509::not_valid_before {certificate} { return "Sep  4 12:30:05 2026 GMT" }
proc X509::not_valid_after {certificate} { return "Sep  4 12:30:05 2027 GMT" }
proc sha1 {bytes} { return "\xab\xcd" }
"""


@dataclass(frozen=True)
class Request:
    """What a client sends, and where from. `subject` is that of the certificate it shows; without one it shows none. `answered`: by
    a policy of the device, which comes before all iRules."""

    uri: str = "/"
    host: str = "www.example.com"
    client: str = "192.0.2.7"
    local: str = "10.1.0.1"
    subject: str = ""
    verified: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    answered: bool = False


def evaluate(script: str) -> str:
    """What a script prints. Skips the test without a Tcl."""
    tclsh = shutil.which("tclsh")
    if not tclsh:
        pytest.skip("no iRule is run: there is no tclsh (package tcl)")
    done = subprocess.run([tclsh], input=script, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _word(text: str) -> str:
    return f"[encoding convertfrom utf-8 [binary format H* {text.encode().hex()}]]" if text else '""'


def run(rules: list[str], event: str, request: Request, groups: dict[str, list[str]] | None = None) -> tuple[list[str], list[str]]:
    """What the iRules do at an event, after those of the connection, and the headers then."""
    lines = [_COMMANDS, "array set cookies [list]", "set headers [list]"]
    values = {"uri": request.uri, "path": request.uri.partition("?")[0], "host": request.host, "client": request.client}
    values |= {"local": request.local, "subject": request.subject, "verified": str(request.verified)}
    values["answered"] = str(int(request.answered))
    lines += [f"set request({name}) {_word(value)}" for name, value in values.items()]
    lines += [f"lappend headers {_word(name)} {_word(value)}" for name, value in request.headers.items()]
    lines += [f"set cookies({name}) {_word(value)}" for name, value in request.cookies.items()]
    lines += [f"set groups({name}) [list {' '.join(members)}]" for name, members in (groups or {}).items()]
    lines += rules
    for each in dict.fromkeys(("CLIENT_ACCEPTED", event)):
        # A `return` ends one iRule, not the others.
        lines.append(f"if {{[info exists bodies({each})]}} {{ foreach body $bodies({each}) {{")
        lines.append("    if {[catch $body result] == 1} { puts stderr $result; exit 1 } } }")
    lines += ["foreach each $actions { puts [join $each] }", 'puts "--"', 'foreach {name value} $headers { puts "$name: $value" }']
    actions, _, headers = evaluate("\n".join(lines)).partition("--\n")
    return actions.splitlines(), headers.splitlines()
