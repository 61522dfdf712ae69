"""Whatever a user writes, the configuration has the directives that were meant, and no others."""

from __future__ import annotations

import re
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bascule.model.definition import ServiceDefinition
from bascule.model.objects import L7Rule, MonitorType
from bascule.south.haproxy import Binary
from bascule.south.haproxy.quoting import argument, name, word
from bascule.south.haproxy.render import CONFIGURATION, refuse, render
from tests.south.haproxy.configuration import expands, parsed, unexpanded, words
from tests.south.haproxy.hostile import (
    FORMED,
    HIDDEN,
    MARK,
    NOWHERE,
    READ_BACK,
    Place,
    base,
    defined,
    missing,
    normal,
    without_digests,
)
from tests.south.haproxy.site import Site, until

pytestmark = pytest.mark.slow

PIECES = [
    *("'", '"', "\\", "\\'", "''", '"$HOME"', "${HOME}", "$(id)", "%[src]", "%%", "%", "%{", "%{+Q}o", "#", " ", "\t", "\n"),
    *("\r\n", "\x00", "\x0b", "\x1c", "\x7f", "\x85", "\xa0", "\u2028", "\u2029", "\ud800", "\u202e", "é", "𝄞", "--", "}", "{"),
    *("-f /etc/passwd", "if TRUE", "!", ",", ";", "||", "/", ")", "(", ".", "\n    http-request deny", "%0a", "%0d%0aX: y"),
    *("\\n", "\\x0a", "&#10;", "[::1]", "*", "unless", "code 301", "bind :1", '"a" b', "'\\''", "a" * 300, "true", "TLS_X:Y"),
]
TEXT = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=4)), max_size=6).map("".join)
_PRINTABLE = [piece for piece in PIECES if piece.isprintable()]
TEXTS = [
    *("'", '"', "\\", "#", "%", "", "x'", "x\\"),
    *("".join(_PRINTABLE[first::6]) for first in range(6)),
    *(f"a{piece}b" for piece in PIECES if not piece.isprintable()),
]
"""Every piece, many of them at once where all of them are possible."""
EVERYWHERE = [*READ_BACK, *FORMED, *HIDDEN, *NOWHERE]


BASE = base()
BEFORE = refuse(BASE)
"""What is refused in any case."""


def test_every_text_of_every_object_is_tried() -> None:
    assert missing() == []


def read(definition: ServiceDefinition) -> list[list[str]]:
    return parsed(render(definition)[CONFIGURATION])


@cache
def harmless_with(place: Place) -> tuple[ServiceDefinition, list[list[str]]]:
    """What the configuration is with a harmless text."""
    definition = defined(place.put(BASE, MARK))
    return definition, read(definition)


def refused(place: Place, text: str) -> bool:
    """Whether a text is refused. Whoever refuses it has to name the attribute."""
    tree = place.put(BASE, text)
    here = [each.text for each in refuse(tree) if each not in BEFORE]
    attribute = place.attribute.rpartition(".")[2]
    assert all(attribute in each for each in here), here
    if not here and place.attribute in ("vip.address", "additional_vips"):  # which come from a subnet, not from a user
        with pytest.raises(ValueError):
            render(defined(tree))
        return True
    return bool(here)


def check(place: Place, text: str) -> None:
    """A text has to be refused, or to be where it is meant and nowhere else."""
    if place.attribute.endswith("domain_name"):
        text = text.rstrip(".")  # which TLS does without
    if (place in FORMED and place.allowed(text)) or (place in HIDDEN and not text) or refused(place, text):
        return
    assert place not in FORMED, (place, text)
    if place in HIDDEN and not text.isprintable():  # what no door lets through has no digest either
        return
    hostile = defined(place.put(BASE, text))
    harmless, meant = harmless_with(place)
    found = read(hostile)
    if place in HIDDEN:
        assert without_digests(found) == without_digests(meant)
        assert normal(render(hostile)) == normal(render(harmless))
    elif place in NOWHERE:
        assert found == meant
    else:
        assert any(MARK in each for line in meant for each in line) or refuse(harmless.tree)
        compare(found, meant, place.meant(text))


def compare(found: list[list[str]], meant: list[list[str]], text: str) -> None:
    """The same lines and words, but for the text in the place of the mark."""
    assert len(found) == len(meant)
    for line, wanted in zip(found, meant, strict=True):
        assert len(line) == len(wanted), (line, wanted)
        for index, (each, template) in enumerate(zip(line, wanted, strict=True)):
            expanded = MARK in template and expands(wanted, index)
            assert (unexpanded(each) if expanded else each) == template.replace(MARK, text)


@pytest.mark.parametrize("place", EVERYWHERE, ids=str)
def test_texts_stay_in_their_places(place: Place) -> None:
    for text in TEXTS:
        check(place, text)


@given(place=st.sampled_from(EVERYWHERE), text=TEXT)
@example(READ_BACK[0], "http://x/%[env(PATH)]' if TRUE \"$HOME\\ #")
@example(next(place for place in READ_BACK if place.object_id == "secure-monitor"), "'.")
@settings(max_examples=150, deadline=None)
def test_made_up_texts_stay_in_their_places(place: Place, text: str) -> None:
    check(place, text)


@pytest.mark.parametrize("address", ["fe80::1%eth0", "::1%\n    bind :1", "127.0.0.1 backup", "localhost", ""])
def test_only_addresses_are_addresses(address: str) -> None:
    for place in FORMED:
        if place.attribute in ("address", "monitor_address"):
            assert refused(place, address)


@pytest.mark.parametrize("text", [piece for piece in PIECES if not piece.isprintable()])
def test_control_characters_are_refused_everywhere(text: str) -> None:
    for place in READ_BACK:
        assert refused(place, f"a{text}b")
    with pytest.raises(ValueError):
        word(text)


@pytest.mark.parametrize("text", ["", "a b", "a\nb", "../a", "a.b", "é", "a" * 65, "a'"])
def test_only_ids_are_names(text: str) -> None:
    with pytest.raises(ValueError):
        name(text)


@pytest.mark.parametrize("text", ["", "a b", 'a"', "a\\", "a)", "a,b", "a\n", "é", "\u212a"])
def test_only_tokens_are_arguments(text: str) -> None:
    with pytest.raises(ValueError):
        argument(text)


def test_the_reader_reads() -> None:
    assert words("  a 'b '\\''c' d\\ e # f") == ["a", "b 'c", "d e"]
    with pytest.raises(AssertionError):
        words("a 'b")
    with pytest.raises(AssertionError):
        unexpanded("a%[src]")
    with pytest.raises(AssertionError):
        compare([["a", "b"]], [["a"]], "")


@pytest.mark.slow
@given(texts=st.lists(TEXT, min_size=len(READ_BACK), max_size=len(READ_BACK)))
@example(texts=["x" * 20000] * len(READ_BACK))
@example(texts=["."] * len(READ_BACK))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_haproxy_accepts_whatever_is_not_refused(haproxy: Binary, texts: list[str]) -> None:
    tree = base(certificates=False)
    for place, text in zip(READ_BACK, texts, strict=True):
        kept = "".join(each for each in text if each.isprintable())
        rule = tree.get(place.object_id)
        if isinstance(rule, L7Rule) and rule.compare_type == "REGEX":  # an expression may be wrong in itself
            kept = re.escape(kept)
        for each in (kept, re.sub(r"[^!-~]", "", kept), re.sub(r"[^a-zA-Z0-9-]", "", kept)):
            if not refuse(after := place.put(tree, each)):
                tree = after
                break
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, CONFIGURATION).write_text(render(defined(tree))[CONFIGURATION], encoding="utf-8")
        done = subprocess.run(
            [haproxy.path, "-c", "-C", directory, "-f", CONFIGURATION], capture_output=True, text=True, timeout=30, check=False
        )
    assert done.returncode == 0, done.stderr


def test_probes_ask_to_the_letter(site: Site) -> None:
    """What cannot be seen in answers to clients: the path and the host that a probe asks for."""
    path, domain = "/'\\\"%[src]${HOME}%%{a}\\n;#x", "h'\"%[src]${HOME}%%\\n"
    server = site.server("probed")
    pool = site.pool(server)
    site.monitor(pool, MonitorType.HTTP, url_path=path, domain_name=domain, http_version=1.1)
    site.listener(default_pool_id=pool.id)
    site.serve()
    assert until(lambda: bool(server.asked), 20)
    assert (server.asked[0], server.hosts[0]) == (path, domain)
