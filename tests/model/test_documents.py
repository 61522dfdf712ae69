"""The one difference between what is there and what should be."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bascule.model.documents import Held, Verb, diff, digest, holding

DOCUMENTS = st.dictionaries(st.sampled_from("abcdef"), st.text(max_size=3))


def test_creates_and_replaces_in_order_then_deletes_backwards() -> None:
    actual = holding({"x": "1", "b": "old", "y": "2", "same": "s"})
    steps = diff(actual, {"a": "new", "b": "new", "same": "s"})
    assert [(step.verb, step.name, step.body, step.before) for step in steps] == [
        (Verb.CREATE, "a", "new", None),
        (Verb.REPLACE, "b", "new", "old"),
        (Verb.DELETE, "y", None, "2"),
        (Verb.DELETE, "x", None, "1"),
    ]


def test_a_digest_on_record_is_enough_to_compare() -> None:
    assert diff({"a": Held(digest("same"))}, {"a": "same"}) == ()
    assert [step.verb for step in diff({"a": Held("")}, {"a": "same"})] == [Verb.REPLACE]


@given(DOCUMENTS, DOCUMENTS)
def test_carrying_out_the_steps_gives_the_target(actual: dict[str, str], target: dict[str, str]) -> None:
    held = dict(actual)
    for step in diff(holding(actual), target):
        if step.body is None:
            del held[step.name]
        else:
            held[step.name] = step.body
    assert held == target
    assert diff(holding(held), target) == ()
