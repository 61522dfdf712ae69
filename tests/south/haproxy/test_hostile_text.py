"""Whatever a user writes, the configuration has the directives that were meant, and no others."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bascule.model.definition import ServiceDefinition
from bascule.model.objects import (
    Algorithm,
    CompareType,
    HealthMonitor,
    L7Policy,
    L7Rule,
    Listener,
    ListenerProtocol,
    LoadBalancer,
    Member,
    MonitorType,
    PersistenceType,
    PolicyAction,
    Pool,
    PoolProtocol,
    RuleType,
    SessionPersistence,
    Tree,
    Vip,
)
from bascule.south.haproxy import Binary
from bascule.south.haproxy.quoting import name, word
from bascule.south.haproxy.render import CONFIGURATION, refuse, render

PIECES = [
    *("'", '"', "\\", "\\'", "''", '"$HOME"', "${HOME}", "$(id)", "%[src]", "%%", "%", "%{", "#", " ", "\t", "\n", "\r\n", "\x00"),
    *("\x0b", "\x1c", "\x85", "\u2028", "\ud800", "é", "𝄞", "--", "-f /etc/passwd", "if TRUE", "}", "{", "!", ",", ";", "||", "/"),
    *("\n    http-request deny", "%0a", "%0d%0aX: y", "\\n", "&#10;", "[::1]", "*", "unless", "code 301", "bind :1"),
]
TEXT = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=4)), max_size=6).map("".join)


@dataclasses.dataclass(frozen=True)
class Texts:
    """One text for every place a user can write to."""

    url: str = "http://u"
    prefix: str = "http://p"
    value: str = "v"
    host: str = "h"
    path: str = "/"
    domain: str = "d"
    codes: str = "200"
    header: str = "X-Forwarded-For"
    ciphers: str = "ECDHE+AESGCM"
    cidr: str = "127.0.0.0/8"
    address: str = "127.0.0.1"
    name: str = "n"


PLACES = [field.name for field in dataclasses.fields(Texts)]


def definition(texts: Texts) -> ServiceDefinition:
    tree = Tree(LoadBalancer(id="lb", project_id="p", provider="haproxy", vip=Vip(address="127.9.9.9"), name=texts.name))
    tree = tree.put(
        Pool(
            id="pool",
            protocol=PoolProtocol.HTTP,
            lb_algorithm=Algorithm.ROUND_ROBIN,
            name=texts.name,
            description=texts.name,
            session_persistence=SessionPersistence(type=PersistenceType.HTTP_COOKIE),
            tags=(texts.name,),
        ),
        Member(id="member", pool_id="pool", address=texts.address, protocol_port=80, name=texts.name),
        HealthMonitor(
            id="monitor",
            pool_id="pool",
            type=MonitorType.HTTP,
            delay=1,
            timeout=1,
            max_retries=1,
            url_path=texts.path,
            domain_name=texts.domain,
            http_version=1.1,
            expected_codes=texts.codes,
        ),
        Listener(
            id="listener",
            protocol=ListenerProtocol.HTTP,
            protocol_port=8080,
            default_pool_id="pool",
            name=texts.name,
            description=texts.name,
            insert_headers={texts.header: "true", "X-Forwarded-Port": texts.name},
            tls_ciphers=texts.ciphers,
            allowed_cidrs=(texts.cidr,),
        ),
        L7Policy(id="policy1", listener_id="listener", action=PolicyAction.REDIRECT_TO_URL, position=1, redirect_url=texts.url),
        L7Rule(id="rule1", l7policy_id="policy1", type=RuleType.PATH, compare_type=CompareType.EQUAL_TO, value=texts.value),
        L7Policy(
            id="policy2", listener_id="listener", action=PolicyAction.REDIRECT_PREFIX, position=2, redirect_prefix=texts.prefix
        ),
        L7Rule(id="rule2", l7policy_id="policy2", type=RuleType.HOST_NAME, compare_type=CompareType.CONTAINS, value=texts.host),
    )
    return ServiceDefinition(unit_id="lb", generation=1, replace=0, tree=tree)


def words(line: str) -> list[str]:
    """A line cut into words the way HAProxy's manual describes it, in section 2.2."""
    found: list[str] = []
    current: str | None = None
    quote = ""
    position = 0
    while position < len(line):
        char = line[position]
        if quote == "'":
            quote, current = ("", current) if char == "'" else (quote, (current or "") + char)
        elif char == "\\" and not quote:
            position += 1
            assert position < len(line), "a backslash at the end of a line"
            current = (current or "") + {"r": "\r", "n": "\n", "t": "\t"}.get(line[position], line[position])
        elif char == "'":
            quote, current = char, current or ""
        elif char == '"':
            raise AssertionError("nothing here is written in double quotes, in which variables count")
        elif char == "#":
            break
        elif char in " \t":
            found += [current] if current is not None else []
            current = None
        else:
            current = (current or "") + char
        position += 1
    assert not quote, "an open quote"
    return found + ([current] if current is not None else [])


def parsed(text: str) -> list[list[str]]:
    # HAProxy ends a line at a line feed and nowhere else.
    return [found for line in text.split("\n") if (found := words(line))]


def expected(texts: Texts) -> list[list[str]]:
    """What a harmless configuration parses to, with the texts of the user in their places."""
    harmless = Texts(**{place: f"@{place}@" for place in ("url", "prefix", "value", "host", "domain")}, path="/@path@")
    meant = {f"@{place}@": getattr(texts, place) for place in ("url", "prefix", "value", "host", "domain")}
    meant = {mark: text.replace("%", "%%") if mark in ("@url@", "@prefix@", "@domain@") else text for mark, text in meant.items()}
    meant["/@path@"] = texts.path
    return [[meant.get(each, each) for each in line] for line in parsed(render(definition(harmless))[CONFIGURATION])]


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("url", "prefix", "value", "host", "path", "domain", "name"), TEXT)))
@example({"url": "http://x/%[env(PATH)]' if TRUE \"$HOME\\ #"})
@example({"value": "' or TRUE", "host": "\\'", "path": "/\\"})
@settings(max_examples=400, deadline=None)
def test_texts_stay_in_their_places(places: dict[str, str]) -> None:
    texts = Texts(**({**places, "path": "/" + places["path"]} if "path" in places else places))
    tree = definition(texts).tree
    refused = refuse(tree)
    if refused:
        assert all(
            re.match(r"L7policy redirect_|L7rule value|Health monitor (url_path|domain_name)", each.text) for each in refused
        )
        return
    # A header asked for with the name as its value is not asked for.
    if texts.name.lower() != "true":
        # HOST_NAME rules with a colon compare with the port: the one place where a text chooses what is written.
        marked = dataclasses.replace(texts, host=texts.host.replace(":", "."))
        assert parsed(render(definition(marked))[CONFIGURATION]) == expected(marked)


@pytest.mark.parametrize("place", ["codes", "header", "ciphers", "cidr", "address"])
@given(text=TEXT)
@settings(max_examples=100, deadline=None)
def test_what_is_no_free_text_is_refused(place: str, text: str) -> None:
    harmless = re.fullmatch(r"[A-Za-z0-9+!:@=_.,/-]*", text)
    assert harmless or refuse(definition(Texts(**{place: text})).tree)


@pytest.mark.parametrize("address", ["fe80::1%eth0", "::1%\n    bind :1", "127.0.0.1 backup", "localhost", ""])
def test_only_addresses_are_addresses(address: str) -> None:
    assert refuse(definition(Texts(address=address)).tree)


@pytest.mark.parametrize("text", [piece for piece in PIECES if not piece.isprintable()])
def test_control_characters_are_refused_everywhere(text: str) -> None:
    for place in ("url", "prefix", "value", "host", "domain"):
        (refusal,) = refuse(definition(Texts(**{place: f"a{text}b"})).tree)
        assert "control characters" in refusal.text
    with pytest.raises(ValueError):
        word(text)


@pytest.mark.parametrize("text", ["", "a b", "a\nb", "../a", "a.b", "é", "a" * 65, "a'"])
def test_only_ids_are_names(text: str) -> None:
    with pytest.raises(ValueError):
        name(text)


@given(st.fixed_dictionaries(dict.fromkeys(("url", "prefix", "value", "host", "path", "domain", "name"), TEXT)))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_haproxy_accepts_whatever_is_not_refused(haproxy: Binary, places: dict[str, str]) -> None:
    kept = {place: "".join(char for char in text if char.isprintable()) or "x" for place, text in places.items()}
    kept |= {"path": "/" + kept["path"].replace(" ", ""), "domain": kept["domain"].replace(" ", "") or "x"}
    wanted = definition(Texts(**kept))
    assert refuse(wanted.tree) == []
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, CONFIGURATION).write_text(render(wanted)[CONFIGURATION], encoding="utf-8")
        done = subprocess.run(
            [haproxy.path, "-c", "-C", directory, "-f", CONFIGURATION], capture_output=True, text=True, timeout=30, check=False
        )
    assert done.returncode == 0, done.stderr
