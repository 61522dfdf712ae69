"""Whom the words of a device blame."""

from __future__ import annotations

import json

import pytest

from bascule.south.as3.blame import blamed, note
from bascule.south.as3.names import APPLICATION, item

LISTENER, FIRST, SECOND, POOL = (f"1b000000-0000-4000-8000-{number:012d}" for number in range(4))
PROGRAM = item("ir", LISTENER, "l7")
TEXT = "\n".join(
    ["when HTTP_REQUEST {", note(item("pol", FIRST)), f"pool {item('pl', POOL)}", note(item("pol", SECOND)), "reject", "}"]
)
DECLARED = json.dumps({APPLICATION: {PROGRAM: {"class": "iRule", "iRule": TEXT}}})


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (f"Rule [/b/app/{PROGRAM}] error: /b/app/{PROGRAM}:3: error: [x]", [FIRST]),
        (f"Rule [/b/app/{PROGRAM}] error: /b/app/{PROGRAM}:5: error: [x]", [SECOND]),
        (f"Rule [/b/app/{PROGRAM}] error: missing close-brace", [FIRST, SECOND]),
        (f"Rule [/b/app/{PROGRAM}] error: /b/app/{PROGRAM}:1: error: [x]", [LISTENER]),
        (f"Rule [/b/app/{item('ir', LISTENER, 'cidrs')}] error", [LISTENER]),
        (f"/b/app/{item('pl', POOL)} and /b/app/{PROGRAM}:5", [SECOND, POOL]),
        (f"/b/app/{item('ls', LISTENER)}", [LISTENER]),
        ("nothing known", []),
    ],
)
def test_the_policy_is_blamed_for_its_part_of_a_program(words: str, expected: list[str]) -> None:
    assert list(blamed(words, DECLARED)) == expected


def test_a_program_that_was_not_declared_is_its_listeners() -> None:
    assert list(blamed(f"Rule [/b/app/{PROGRAM}] error: x", json.dumps({APPLICATION: {}}))) == [LISTENER]
